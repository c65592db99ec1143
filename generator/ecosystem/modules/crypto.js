// Of Node's crypto module what names things. Keys do not belong into a file.
'use strict'

class Hash {
  #name
  #parts = []
  constructor (name) { this.#name = name.toLowerCase().replace('-', '') }
  update (data, encoding) { this.#parts.push(typeof data === 'string' ? Buffer.from(data, encoding || 'utf8') : Buffer.from(data)); return this }
  digest (encoding) {
    const out = host.hash(this.#name, Buffer.concat(this.#parts))
    return encoding ? out.toString(encoding) : out
  }
}

const bytes = n => Buffer.from(Array.from({ length: n }, () => Math.floor(host.random() * 256)))

const known = {
  createHash: name => new Hash(name),
  hash: (name, data, encoding = 'hex') => new Hash(name).update(data).digest(encoding),
  randomBytes: bytes,
  randomInt: (a, b) => b === undefined ? Math.floor(host.random() * a) : a + Math.floor(host.random() * (b - a)),
  randomUUID: () => {
    const b = bytes(16)
    b[6] = (b[6] & 15) | 64
    b[8] = (b[8] & 63) | 128
    return b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }
}
module.exports = new Proxy(known, {
  get (target, key) {
    if (typeof key === 'symbol' || key in target || key === '__esModule' || key === 'then') return target[key]
    return () => host.refuse('ERR_ACCESS_DENIED', 'crypto.' + key + '() is not there while the file is read', 'let the app itself do it, or ' + host.letNode)
  }
})
