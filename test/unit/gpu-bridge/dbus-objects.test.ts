import test from 'ava'
import { ObjectTree } from '../../../src/gpu-bridge/dbus-display/objects.js'
import { Variant, type DbusSignal, type DbusValue } from '../../../src/qemu-io/index.js'
import { consoleInterfaces, managedObjects } from '../../helpers/fake-dbus-qemu.js'

const PROPERTIES = 'org.freedesktop.DBus.Properties'
const MANAGER = 'org.freedesktop.DBus.ObjectManager'
const ROOT = '/org/qemu/Display1'

const tree = (): ObjectTree => {
  const objects = new ObjectTree(16)
  objects.replace(
    managedObjects([
      { number: 10, label: 'second', head: 1 },
      { number: 2, label: 'first', width: 1024, height: 768, modifiers: 2, absolute: false },
      { number: 3, label: 'serial', type: 'Text' },
    ]),
  )
  return objects
}

const signal = (path: string, target: string, member: string, args: readonly DbusValue[]): DbusSignal => ({
  path,
  interface: target,
  member,
  args,
})

test('graphic consoles come in the order of their numbers', (t) => {
  t.deepEqual(
    tree().consoles.map(({ number, label, head }) => [number, label, head]),
    [
      [2, 'first', 0],
      [10, 'second', 1],
    ],
  )
  const [first] = tree().consoles
  t.deepEqual([first?.width, first?.height, first?.modifiers, first?.absolute], [1024, 768, 2, false])
})

test('changed properties are taken over, those of unknown objects and interfaces are not', (t) => {
  const objects = tree()
  const change = (path: string, target: string, name: string, value: Variant): boolean =>
    objects.signal(signal(path, PROPERTIES, 'PropertiesChanged', [target, new Map([[name, value]]), []]))
  t.true(change(`${ROOT}/Console_2`, 'org.qemu.Display1.Console', 'Width', new Variant('u', 800)))
  t.true(change(`${ROOT}/Console_2`, 'org.qemu.Display1.Mouse', 'IsAbsolute', new Variant('b', true)))
  t.true(change(`${ROOT}/Console_2`, 'org.qemu.Display1.Keyboard', 'Modifiers', new Variant('u', 0xffffff04)))
  t.false(change(`${ROOT}/Console_7`, 'org.qemu.Display1.Console', 'Width', new Variant('u', 1)))
  t.false(change(`/elsewhere/Console_2`, 'org.qemu.Display1.Console', 'Width', new Variant('u', 1)))
  change(`${ROOT}/Console_2`, 'org.qemu.Display1.Console', 'Height', new Variant('s', 'tall'))
  const [first] = objects.consoles
  t.deepEqual([first?.width, first?.height, first?.absolute, first?.modifiers], [800, 768, true, 4])
})

test('consoles come and go', (t) => {
  const objects = tree()
  const path = `${ROOT}/Console_1`
  t.true(objects.signal(signal(ROOT, MANAGER, 'InterfacesAdded', [path, consoleInterfaces({ number: 1 })])))
  t.deepEqual(
    objects.consoles.map(({ number }) => number),
    [1, 2, 10],
  )
  const interfaces = ['org.qemu.Display1.Console', 'org.qemu.Display1.Keyboard']
  t.true(objects.signal(signal(ROOT, MANAGER, 'InterfacesRemoved', [`${ROOT}/Console_2`, interfaces])))
  t.false(objects.signal(signal(ROOT, MANAGER, 'InterfacesRemoved', [`${ROOT}/Console_2`, interfaces])))
  t.deepEqual(
    objects.consoles.map(({ number }) => number),
    [1, 10],
  )
})

test('there are never more consoles than the limit, however many are announced', (t) => {
  const objects = new ObjectTree(4)
  objects.replace(managedObjects(Array.from({ length: 1000 }, (_, number) => ({ number }))))
  t.is(objects.consoles.length, 4)
})

test('anything else than a list of objects is none', (t) => {
  const objects = tree()
  for (const nonsense of [undefined, 5, 'x', [], new Map([['/x', 'y']])] as (DbusValue | undefined)[]) {
    objects.replace(nonsense)
    t.deepEqual(objects.consoles, [])
  }
})
