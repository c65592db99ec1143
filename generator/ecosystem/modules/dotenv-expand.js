// dotenv-expand: variables inside of values, $NAME, ${NAME} and ${NAME:-text}.
'use strict'

function expand (options) {
  const target = options.processEnv || host.env()
  const parsed = options.parsed || {}
  const seen = new Set()
  const resolve = key => {
    if (seen.has(key)) return ''
    seen.add(key)
    const value = raw(key).replace(/\\?\$(?:\{([\w.]+)(?::?-((?:[^{}]|\{[^}]*\})*))?\}|([A-Za-z_]\w*))/g, (all, braced, fallback, bare) => {
      if (all[0] === '\\') return all.slice(1)
      const name = braced || bare
      const found = Object.hasOwn(parsed, name) || has(name) ? resolve(name) : ''
      return found === '' && fallback !== undefined ? fallback : found
    })
    seen.delete(key)
    return value
  }
  const own = target === host.env()
  const has = key => own ? host.has(key) : Object.hasOwn(target, key)
  const raw = key => String(has(key) ? target[key] : parsed[key] ?? '')
  const out = {}
  for (const key of Object.keys(parsed)) out[key] = resolve(key)
  for (const key of Object.keys(out)) {
    parsed[key] = out[key]
    if (own) host.assign(key, out[key])
    else target[key] = out[key]
  }
  return { ...options, parsed }
}
module.exports = { expand, default: { expand } }
