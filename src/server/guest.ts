import type { CursorDeps, DisplayDeps, DisplayShare, InputsDeps, MainDeps } from '../channels/index.js'
import {
  CursorChannel,
  DisplayChannel,
  InputsChannel,
  MainChannel,
  newCursorRecord,
  newDisplayRecord,
  newInputsRecord,
  newMainRecord,
  newWireRecord,
  takesSimpleShapes,
  type Channel,
  type ChannelContext,
} from '../channels/index.js'
import { SidecarError } from '../core/errors.js'
import {
  capsOf,
  channelName,
  COMMON_CAP,
  DISPLAY_CAP,
  hasCap,
  INPUTS_CAP,
  MAIN_CAP,
  type LinkMess,
} from '../protocol/index.js'

/** The guest as the channels of every client share it. */
export interface GuestParts {
  readonly main: Omit<MainDeps, 'pings'>
  readonly display: DisplayDeps
  readonly cursor: CursorDeps
  readonly inputs: InputsDeps
}

/** Common capabilities of every connection (`protocol-session.md` 1.4). */
export const COMMON_CAPS = capsOf([COMMON_CAP.authSelection, COMMON_CAP.authSpice, COMMON_CAP.miniHeader])

/** Common capabilities where SASL is the way to authenticate. */
export const SASL_COMMON_CAPS = capsOf([COMMON_CAP.authSelection, COMMON_CAP.authSasl, COMMON_CAP.miniHeader])

/** Capability words that this server has for a channel type; none for a type that it does not have. */
export const channelCaps = (type: number): readonly number[] => {
  switch (channelName(type)) {
    case 'main': {
      return capsOf([MAIN_CAP.nameAndUuid, MAIN_CAP.agentConnectedTokens])
    }
    case 'display': {
      return capsOf([
        ...[DISPLAY_CAP.monitorsConfig, DISPLAY_CAP.streamReport],
        ...[DISPLAY_CAP.prefCompression, DISPLAY_CAP.prefVideoCodecType],
      ])
    }
    case 'inputs': {
      return capsOf([INPUTS_CAP.keyScancode])
    }
    default: {
      return []
    }
  }
}

/** Both ends announced mini headers. */
export const usesMiniHeader = (mess: LinkMess): boolean => hasCap(mess.commonCaps, COMMON_CAP.miniHeader)

/** Makes a main channel for a new session. */
export const makeMainChannel = (
  mess: LinkMess,
  sessionId: number,
  pings: boolean,
  guest: GuestParts,
  context: ChannelContext,
): MainChannel =>
  new MainChannel(newMainRecord(newWireRecord(usesMiniHeader(mess)), sessionId, mess.channelCaps), context, {
    ...guest.main,
    pings,
  })

/** Makes any other channel; the server offers it, so it exists. */
export const makeChannel = (
  mess: LinkMess,
  guest: GuestParts,
  context: ChannelContext,
  displayShare: (encoders: DisplayDeps['encoders']) => DisplayShare,
  mainCaps: readonly number[],
): Channel => {
  const wire = newWireRecord(usesMiniHeader(mess))
  switch (channelName(mess.channelType)) {
    case 'display': {
      return new DisplayChannel(
        newDisplayRecord(wire, mess.channelId, mess.channelCaps),
        context,
        displayShare(guest.display.encoders),
        guest.display,
      )
    }
    case 'cursor': {
      return new CursorChannel(
        newCursorRecord(wire, mess.channelId, takesSimpleShapes(mainCaps)),
        context,
        guest.cursor,
      )
    }
    case 'inputs': {
      return new InputsChannel(newInputsRecord(wire), context, guest.inputs)
    }
    default: {
      throw new SidecarError('SIDECAR_BUG', 'a channel type was offered that cannot be made', {
        type: mess.channelType,
      })
    }
  }
}
