// dotenv, without an install: many files load it before npm has run.
'use strict'

const line = /^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$/mg

function parse (source) {
  const out = {}
  for (const [, key, raw = ''] of String(source).replace(/\r\n?/g, '\n').matchAll(line)) {
    let value = raw.trim()
    const quote = value[0]
    value = value.replace(/^(['"`])([\s\S]*)\1$/g, '$2')
    if (quote === '"') value = value.replace(/\\n/g, '\n').replace(/\\r/g, '\r')
    out[key] = value
  }
  return out
}

function populate (target, parsed, options = {}) {
  const out = {}
  for (const key of Object.keys(parsed)) {
    const own = target === host.env()
    if (!options.override && (own ? host.has(key) : Object.hasOwn(target, key))) continue
    out[key] = parsed[key]
    if (own) host.assign(key, parsed[key])
    else target[key] = parsed[key]
  }
  return out
}

function config (options = {}) {
  const { fileURLToPath } = require('url')
  const names = [].concat(options.path === undefined || options.path === null ? '.env' : options.path)
  const target = options.processEnv || host.env()
  const parsed = {}
  let error
  for (const name of names) {
    try {
      const file = name && name.href ? fileURLToPath(name) : String(name)
      const found = parse(host.read(file))
      if (target === host.env()) host.loaded(file)
      for (const key of Object.keys(found)) if (options.override || !Object.hasOwn(parsed, key)) parsed[key] = found[key]
    } catch (err) {
      error = err
    }
  }
  populate(target, parsed, options)
  return error ? { parsed, error } : { parsed }
}

// load is process.loadEnvFile.
function load (name) {
  populate(host.env(), parse(host.read(String(name))))
  host.loaded(String(name))
}

module.exports = { config, parse, populate, load, configDotenv: config }
module.exports.default = module.exports
