// Node's util module as far as it prints and adapts values.
'use strict'

function inspect (value, options, depth = 0, seen = []) {
  const limit = options && options.depth !== undefined && options.depth !== null ? options.depth : 4
  if (typeof value === 'string') return depth === 0 && !(options && options.quote) ? "'" + value + "'" : "'" + value.replace(/'/g, "\\'").replace(/\n/g, '\\n') + "'"
  if (typeof value === 'function') return (/^class\b/.test(String(value)) ? '[class ' : '[Function: ') + (value.name || '(anonymous)') + ']'
  if (typeof value === 'bigint') return value + 'n'
  if (typeof value === 'symbol') return value.toString()
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value[inspect.custom] === 'function') {
    const own = value[inspect.custom](limit - depth, options || {}, inspect)
    return typeof own === 'string' ? own : inspect(own, options, depth, seen)
  }
  if (value instanceof Error) return value.stack || String(value)
  if (value instanceof Date) return isNaN(value) ? 'Invalid Date' : value.toISOString()
  if (value instanceof RegExp) return String(value)
  if (seen.includes(value)) return '[Circular]'
  if (value instanceof Promise) return 'Promise { … }'
  if (depth > limit) return Array.isArray(value) ? '[Array]' : '[Object]'
  const below = [...seen, value]
  const show = v => inspect(v, { ...options, quote: true }, depth + 1, below)
  const key = k => /^[A-Za-z_$][\w$]*$/.test(k) ? k : "'" + k + "'"
  let open = '{'
  let close = '}'
  let parts
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    open = '['
    close = ']'
    parts = Array.from(value).slice(0, 100).map(show)
    if (value.length > 100) parts.push('... ' + (value.length - 100) + ' more items')
  } else if (value instanceof Map) {
    open = 'Map(' + value.size + ') {'
    parts = [...value].map(([k, v]) => show(k) + ' => ' + show(v))
  } else if (value instanceof Set) {
    open = 'Set(' + value.size + ') {'
    parts = [...value].map(show)
  } else {
    const name = value.constructor && value.constructor.name
    if (Object.getPrototypeOf(value) === null) open = '[Object: null prototype] {'
    else if (name && name !== 'Object') open = name + ' {'
    parts = Object.keys(value).map(k => key(k) + ': ' + show(value[k]))
  }
  if (parts.length === 0) return open + close
  const line = open + ' ' + parts.join(', ') + ' ' + close
  if (line.length <= 76 && !line.includes('\n')) return line
  const pad = '  '.repeat(depth)
  return open + '\n' + parts.map(p => pad + '  ' + p).join(',\n') + '\n' + pad + close
}
inspect.custom = Symbol.for('nodejs.util.inspect.custom')
inspect.defaultOptions = {}

function format (first, ...rest) {
  const text = v => typeof v === 'string' ? v : inspect(v)
  if (typeof first !== 'string') return [first, ...rest].map(text).join(' ')
  let i = 0
  const out = rest.length === 0 ? first : first.replace(/%([sdifjoOc%])/g, (all, kind) => {
    if (kind === '%') return '%'
    if (i >= rest.length) return all
    const v = rest[i++]
    switch (kind) {
      case 's': return typeof v === 'object' && v !== null ? inspect(v, { depth: 0 }) : String(v)
      case 'd': return typeof v === 'object' ? 'NaN' : String(Number(v))
      case 'i': return String(parseInt(v, 10))
      case 'f': return String(parseFloat(v))
      case 'j': try { return JSON.stringify(v) } catch { return '[Circular]' }
      case 'c': return ''
      default: return inspect(v)
    }
  })
  return [out, ...rest.slice(i).map(text)].join(' ')
}

function promisify (f) {
  if (f[promisify.custom]) return f[promisify.custom]
  return function (...args) {
    return new Promise((resolve, reject) => f.call(this, ...args, (err, value) => err ? reject(err) : resolve(value)))
  }
}
promisify.custom = Symbol.for('nodejs.util.promisify.custom')

function callbackify (f) {
  return (...args) => {
    const done = args.pop()
    f(...args).then(value => done(null, value), err => done(err))
  }
}

function inherits (child, parent) {
  child.super_ = parent
  Object.setPrototypeOf(child.prototype, parent.prototype)
}

function same (a, b) {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false
  if (a instanceof Date) return a.getTime() === b.getTime()
  if (a instanceof RegExp) return String(a) === String(b)
  if (a instanceof Map || a instanceof Set) return same([...a], [...b])
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every(k => Object.hasOwn(b, k) && same(a[k], b[k]))
}

const is = name => v => Object.prototype.toString.call(v) === '[object ' + name + ']'

class TextEncoder {
  encoding = 'utf-8'
  encode (text = '') { return new Uint8Array(Buffer.from(String(text))) }
}

class TextDecoder {
  constructor (encoding = 'utf-8') { this.encoding = encoding }
  decode (bytes) { return bytes === undefined ? '' : Buffer.from(bytes).toString('utf8') }
}

module.exports = {
  inspect, format, promisify, callbackify, inherits, TextEncoder, TextDecoder,
  deprecate: f => f,
  debuglog: () => Object.assign(() => {}, { enabled: false }),
  debug: () => Object.assign(() => {}, { enabled: false }),
  isDeepStrictEqual: same,
  isArray: Array.isArray,
  stripVTControlCharacters: text => text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, ''),
  styleText: (_, text) => text,
  parseEnv: text => require('dotenv').parse(text),
  parseArgs: () => ({ values: {}, positionals: [] }),
  types: {
    isDate: is('Date'), isRegExp: is('RegExp'), isMap: is('Map'), isSet: is('Set'), isPromise: is('Promise'),
    isNativeError: v => v instanceof Error, isAsyncFunction: is('AsyncFunction'), isGeneratorFunction: is('GeneratorFunction'),
    isTypedArray: v => ArrayBuffer.isView(v) && !(v instanceof DataView), isUint8Array: v => v instanceof Uint8Array,
    isProxy: () => false, isBoxedPrimitive: v => v instanceof String || v instanceof Number || v instanceof Boolean
  }
}
