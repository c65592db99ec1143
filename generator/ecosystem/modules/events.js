// Node's events module.
'use strict'

class EventEmitter {
  #all = new Map()
  #list (name) {
    if (!this.#all.has(name)) this.#all.set(name, [])
    return this.#all.get(name)
  }

  on (name, f) { this.#list(name).push({ f, own: f }); return this }
  addListener (name, f) { return this.on(name, f) }
  prependListener (name, f) { this.#list(name).unshift({ f, own: f }); return this }
  once (name, f) {
    const own = (...args) => { this.off(name, f); f.apply(this, args) }
    this.#list(name).push({ f, own })
    return this
  }

  off (name, f) {
    const list = this.#list(name)
    const i = list.findIndex(entry => entry.f === f)
    if (i >= 0) list.splice(i, 1)
    return this
  }

  removeListener (name, f) { return this.off(name, f) }
  removeAllListeners (name) { if (name === undefined) this.#all.clear(); else this.#all.delete(name); return this }
  emit (name, ...args) {
    const list = [...this.#list(name)]
    if (list.length === 0 && name === 'error') throw args[0]
    for (const { own } of list) own.apply(this, args)
    return list.length > 0
  }

  listeners (name) { return this.#list(name).map(entry => entry.f) }
  listenerCount (name) { return this.#list(name).length }
  eventNames () { return [...this.#all.keys()] }
  setMaxListeners () { return this }
  getMaxListeners () { return 10 }
}
module.exports = EventEmitter
module.exports.EventEmitter = EventEmitter
module.exports.defaultMaxListeners = 10
module.exports.once = (emitter, name) => new Promise((resolve, reject) => {
  emitter.once(name, (...args) => resolve(args))
  if (name !== 'error') emitter.once('error', reject)
})
