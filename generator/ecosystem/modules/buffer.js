// Node's Buffer: the class is the engine's library's, which makes one of any
// size at once.
'use strict'
const { Buffer } = host.library('buffer')
const most = 64 * 1024 * 1024

function sound (size) {
  if (size > most) host.refuse('ERR_OUT_OF_RANGE', 'a Buffer of more than 64 Mi', 'an ecosystem file has no use for that much; look at the number')
}

const { alloc, from, concat } = Buffer
Buffer.alloc = function (size, ...more) { sound(size); return alloc.call(Buffer, size, ...more) }
Buffer.allocUnsafe = Buffer.allocUnsafeSlow = size => Buffer.alloc(size)
Buffer.from = function (value, ...more) {
  if (typeof value === 'object' && value !== null) sound(value.length)
  return from.call(Buffer, value, ...more)
}
Buffer.concat = function (list, size) { sound(size); return size === undefined ? concat.call(Buffer, list) : concat.call(Buffer, list, size) }
Buffer.isBuffer = value => value instanceof Buffer
Buffer.isEncoding = name => /^(utf-?8|hex|base64|base64url)$/i.test(name)
Buffer.byteLength = (value, encoding) => typeof value === 'string' ? Buffer.from(value, encoding || 'utf8').length : value.byteLength

module.exports = { Buffer, kMaxLength: most, constants: { MAX_LENGTH: most } }
