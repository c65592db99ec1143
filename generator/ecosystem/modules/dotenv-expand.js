// dotenv-expand: variables inside of values, $NAME, ${NAME} and ${NAME:-text}.
'use strict'

function expand (options) {
  const target = options.processEnv || host.env()
  const parsed = options.parsed || {}
  const seen = new Set()
  const resolve = key => {
    if (seen.has(key)) return ''
    seen.add(key)
    const value = value0(key).replace(/\\?\$(?:\{([\w.]+)(?::?-((?:[^{}]|\{[^}]*\})*))?\}|([A-Za-z_]\w*))/g, (all, braced, fallback, bare) => {
      if (all[0] === '\\') return all.slice(1)
      const name = braced || bare
      const found = Object.hasOwn(parsed, name) || host.has(name) ? resolve(name) : ''
      return found === '' && fallback !== undefined ? fallback : found
    })
    seen.delete(key)
    return value
  }
  const value0 = key => String(Object.hasOwn(parsed, key) && (!host.has(key) || target[key] === parsed[key]) ? parsed[key] : target[key] ?? '')
  const out = {}
  for (const key of Object.keys(parsed)) out[key] = resolve(key)
  for (const key of Object.keys(out)) { parsed[key] = out[key]; target[key] = out[key] }
  return { ...options, parsed }
}
module.exports = { expand, default: { expand } }
