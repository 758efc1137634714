export {
  DbusConnection,
  type DbusHandlers,
  type DbusMethod,
  type DbusOptions,
  type DbusSignal,
  type DbusTransport,
  type Descriptor,
  type IncomingCall,
  type MethodCall,
  type ReplyListener,
} from './connection.js'
export { MessageFramer, type FramerLimits } from './framer.js'
export { marshal } from './marshal.js'
export * from './message.js'
export { SaslClient } from './sasl.js'
export { alignmentOf, MAX_DEPTH, MAX_SIGNATURE, parseSignature, type DbusType } from './signature.js'
export { MAX_ARRAY, unmarshal } from './unmarshal.js'
export { isObjectPath, unwrap, Variant, type DbusValue } from './value.js'
