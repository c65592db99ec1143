// What the engine lacks of JavaScript, and what it must not do at once: a text or
// a buffer is made in one instruction, which nothing can interrupt.
'use strict'
const most = 64 * 1024 * 1024

function refuse (what) {
  host.refuse('ERR_OUT_OF_RANGE', what + ' of more than 64 Mi', 'an ecosystem file has no use for that much; look at the number')
}

function guard (owner, name, size) {
  const own = owner[name]
  const guarded = { [name] (...args) {
    if (size(this, args) > most) refuse(name + '()')
    return own.apply(this, args)
  } }[name]
  Object.defineProperty(guarded, 'length', { value: own.length })
  Object.defineProperty(owner, name, { value: guarded, writable: true, configurable: true })
}

guard(String.prototype, 'repeat', (text, [n]) => String(text).length * n)
guard(String.prototype, 'padStart', (text, [n]) => n)
guard(String.prototype, 'padEnd', (text, [n]) => n)
guard(Array.prototype, 'fill', list => list === null || list === undefined ? 0 : list.length)
guard(Array.prototype, 'join', list => list === null || list === undefined ? 0 : list.length)
guard(Array, 'from', (_, [from]) => from === null || from === undefined || typeof from === 'function' ? 0 : from.length)

for (const name of ['ArrayBuffer', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array',
  'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array']) {
  const own = globalThis[name]
  if (!own) continue
  const guarded = function (...args) {
    if (!new.target) throw new TypeError('Constructor ' + name + " requires 'new'")
    const size = typeof args[0] === 'object' && args[0] !== null ? args[0].length : args[0]
    if (size > most) refuse('new ' + name + '()')
    return Reflect.construct(own, args, new.target === guarded ? own : new.target)
  }
  guarded.prototype = own.prototype
  Object.setPrototypeOf(guarded, own)
  Object.defineProperty(guarded, 'name', { value: name })
  own.prototype.constructor = guarded
  Object.defineProperty(globalThis, name, { value: guarded, writable: true, configurable: true })
}

function missing (owner, name, value) {
  if (!owner[name]) Object.defineProperty(owner, name, { value, writable: true, configurable: true })
}

missing(Promise, 'withResolvers', function withResolvers () {
  let resolve, reject
  const promise = new this((yes, no) => { resolve = yes; reject = no })
  return { promise, resolve, reject }
})
missing(Promise, 'try', function (f, ...args) { return new this(resolve => resolve(f(...args))) })
missing(Object, 'groupBy', function groupBy (items, key) {
  const out = Object.create(null)
  let i = 0
  for (const item of items) (out[key(item, i++)] ||= []).push(item)
  return out
})
missing(globalThis, 'WeakRef', class WeakRef {
  #value
  constructor (value) { this.#value = value }
  deref () { return this.#value }
})
