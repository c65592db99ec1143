// Node's url module: the classes are the engine's library's.
'use strict'
const { URL: LibraryURL, URLSearchParams, ...more } = host.library('url')

// absolute joins an address to its base, which the library does for paths from
// the root alone.
function absolute (to, base) {
  to = String(to)
  if (/^[A-Za-z][A-Za-z0-9+.-]*:/.test(to)) return to
  const from = new LibraryURL(String(base))
  const root = from.protocol + '//' + (from.username ? from.username + (from.password ? ':' + from.password : '') + '@' : '') + from.host
  if (to.startsWith('//')) return from.protocol + to
  if (to === '' || to[0] === '#') return root + from.pathname + from.search + to
  if (to[0] === '?') return root + from.pathname + to
  const [, path, rest] = /^([^?#]*)(.*)$/s.exec(to)
  const out = []
  const parts = (path[0] === '/' ? path : from.pathname.replace(/[^/]*$/, '') + path).split('/')
  parts.forEach((part, i) => {
    const last = i === parts.length - 1
    if (part === '..') { if (out.length > 1) out.pop() } else if (part !== '.') { out.push(part); return }
    if (last) out.push('')
  })
  return root + out.join('/') + rest
}

function URL (to, base) {
  if (!new.target) throw new TypeError("Class constructor URL cannot be invoked without 'new'")
  return new LibraryURL(base === undefined ? String(to) : absolute(to, base))
}
URL.prototype = LibraryURL.prototype
URL.canParse = (...args) => { try { return Boolean(new URL(...args)) } catch { return false } }
Object.setPrototypeOf(URL, LibraryURL)

function fileURLToPath (address) {
  const url = typeof address === 'string' ? new URL(address) : address
  if (url.protocol !== 'file:') throw Object.assign(new TypeError('The URL must be of scheme file'), { code: 'ERR_INVALID_URL_SCHEME' })
  return decodeURIComponent(url.pathname)
}

function pathToFileURL (name) {
  const path = require('path').resolve(name)
  return new URL('file://' + encodeURI(path).replace(/[?#]/g, encodeURIComponent))
}

// The old interface, for what people still use of it.
function parse (text, query) {
  const url = new URL(text)
  const search = url.search || null
  const plain = search && search.slice(1)
  return {
    href: url.href, protocol: url.protocol, slashes: true, host: url.host, hostname: url.hostname, port: url.port || null,
    auth: url.username ? url.username + (url.password ? ':' + url.password : '') : null,
    pathname: url.pathname, search, query: query ? require('querystring').parse(plain || '') : plain,
    path: url.pathname + url.search, hash: url.hash || null
  }
}

function format (url) {
  if (typeof url === 'string' || url.href) return typeof url === 'string' ? url : url.href
  const host = url.host || (url.hostname || '') + (url.port ? ':' + url.port : '')
  const protocol = url.protocol ? url.protocol.replace(/:?$/, ':') : ''
  const search = url.search || (url.query ? '?' + require('querystring').stringify(url.query) : '')
  return protocol + (host ? '//' : '') + (url.auth ? url.auth + '@' : '') + host + (url.pathname || '') + search + (url.hash || '')
}

module.exports = { ...more, URL, URLSearchParams, fileURLToPath, pathToFileURL, parse, format, resolve: (from, to) => new URL(to, from).href }
