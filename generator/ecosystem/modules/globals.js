// Names that Node has everywhere and no module gives.
'use strict'

exports.atob = text => String.fromCharCode(...Buffer.from(String(text), 'base64'))
exports.btoa = text => Buffer.from(Array.from(String(text), c => c.charCodeAt(0))).toString('base64')
exports.queueMicrotask = f => { Promise.resolve().then(f) }

exports.structuredClone = function structuredClone (value, options, seen = new Map()) {
  if (typeof value === 'function' || typeof value === 'symbol') throw new Error(String(value) + ' could not be cloned.')
  if (typeof value !== 'object' || value === null) return value
  if (seen.has(value)) return seen.get(value)
  const keep = out => { seen.set(value, out); return out }
  const clone = v => structuredClone(v, options, seen)
  if (value instanceof Date) return keep(new Date(value))
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags))
  if (value instanceof Error) return keep(Object.assign(new value.constructor(value.message), { stack: value.stack }))
  if (value instanceof Map) {
    const out = keep(new Map())
    for (const [k, v] of value) out.set(clone(k), clone(v))
    return out
  }
  if (value instanceof Set) {
    const out = keep(new Set())
    for (const v of value) out.add(clone(v))
    return out
  }
  if (ArrayBuffer.isView(value)) return keep(value.slice())
  const out = keep(Array.isArray(value) ? [] : {})
  for (const key of Object.keys(value)) out[key] = clone(value[key])
  return out
}

const EventEmitter = require('events')

exports.Event = class Event { constructor (type) { this.type = type } }
exports.EventTarget = class EventTarget {
  #events = new EventEmitter()
  addEventListener (type, f) { this.#events.on(type, f) }
  removeEventListener (type, f) { this.#events.off(type, f) }
  dispatchEvent (event) { this.#events.emit(event.type, event); return true }
}
exports.AbortSignal = class AbortSignal extends exports.EventTarget {
  aborted = false
  reason = undefined
  throwIfAborted () { if (this.aborted) throw this.reason }
}
exports.AbortController = class AbortController {
  signal = new exports.AbortSignal()
  abort (reason = new Error('This operation was aborted')) {
    if (this.signal.aborted) return
    Object.assign(this.signal, { aborted: true, reason })
    this.signal.dispatchEvent(new exports.Event('abort'))
  }
}

for (const name of ['fetch', 'WebSocket', 'XMLHttpRequest']) {
  exports[name] = function () {
    host.refuse('ERR_ACCESS_DENIED', name + ': there is no network while the file is read', 'write the value into the file, or ' + host.letNode)
  }
}
