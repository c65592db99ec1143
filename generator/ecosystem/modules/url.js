// Node's url module: the classes are the engine's library's.
'use strict'
const { URL, URLSearchParams, ...more } = host.library('url')

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
