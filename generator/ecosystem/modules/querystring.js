'use strict'
const escape = encodeURIComponent
const unescape = text => { try { return decodeURIComponent(text.replace(/\+/g, ' ')) } catch { return text } }

exports.escape = escape
exports.unescape = unescape
exports.parse = exports.decode = (text, sep = '&', eq = '=') => {
  const out = Object.create(null)
  for (const pair of String(text || '').split(sep).filter(Boolean)) {
    const at = pair.indexOf(eq)
    const key = unescape(at < 0 ? pair : pair.slice(0, at))
    const value = at < 0 ? '' : unescape(pair.slice(at + eq.length))
    out[key] = key in out ? [].concat(out[key], value) : value
  }
  return out
}
exports.stringify = exports.encode = (values, sep = '&', eq = '=') => Object.keys(values || {})
  .flatMap(key => [].concat(values[key]).map(v => escape(key) + eq + escape(v === null || v === undefined ? '' : v))).join(sep)
