// Node's path module for POSIX, as far as an ecosystem file goes.
'use strict'
const cwd = host.root

function text (p) {
  if (typeof p !== 'string') throw new TypeError('The "path" argument must be of type string')
  return p
}

function normalize (p) {
  text(p)
  if (p === '') return '.'
  const absolute = p[0] === '/'
  const slash = p[p.length - 1] === '/'
  const out = []
  for (const part of p.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') out.push(part)
    else if (out.length > 0 && out[out.length - 1] !== '..') out.pop()
    else if (!absolute) out.push(part)
  }
  const body = out.join('/')
  if (body === '') return absolute ? '/' : (slash ? './' : '.')
  return (absolute ? '/' : '') + body + (slash ? '/' : '')
}

function join (...parts) {
  const present = parts.filter(p => text(p) !== '')
  return present.length === 0 ? '.' : normalize(present.join('/'))
}

function resolve (...parts) {
  let out = ''
  for (let i = parts.length - 1; i >= 0 && out[0] !== '/'; i--) {
    if (text(parts[i]) !== '') out = out === '' ? parts[i] : parts[i] + '/' + out
  }
  if (out[0] !== '/') out = out === '' ? cwd : cwd + '/' + out
  out = normalize(out)
  return out.length > 1 && out[out.length - 1] === '/' ? out.slice(0, -1) : out
}

function trim (p) {
  let end = text(p).length
  while (end > 1 && p[end - 1] === '/') end--
  return p.slice(0, end)
}

function dirname (p) {
  p = trim(p)
  const i = p.lastIndexOf('/')
  if (i < 0) return '.'
  return i === 0 ? '/' : trim(p.slice(0, i))
}

function basename (p, suffix) {
  p = trim(p)
  const base = p === '/' ? '' : p.slice(p.lastIndexOf('/') + 1)
  return suffix && base !== suffix && base.endsWith(suffix) ? base.slice(0, -suffix.length) : base
}

function extname (p) {
  const base = basename(p)
  const i = base.lastIndexOf('.')
  return i <= 0 ? '' : base.slice(i)
}

function relative (from, to) {
  const a = resolve(from).split('/').filter(Boolean)
  const b = resolve(to).split('/').filter(Boolean)
  while (a.length > 0 && b.length > 0 && a[0] === b[0]) { a.shift(); b.shift() }
  return a.map(() => '..').concat(b).join('/')
}

function parse (p) {
  const base = basename(p)
  const ext = extname(p)
  const root = p[0] === '/' ? '/' : ''
  const dir = p === base ? '' : dirname(p)
  return { root, dir, base, ext, name: ext ? base.slice(0, -ext.length) : base }
}

function format (o) {
  const dir = o.dir || o.root || ''
  const base = o.base || (o.name || '') + (o.ext || '')
  return dir === '' ? base : (dir === o.root ? dir + base : dir + '/' + base)
}

const path = {
  normalize, join, resolve, dirname, basename, extname, relative, parse, format,
  isAbsolute: p => text(p)[0] === '/',
  sep: '/',
  delimiter: ':'
}
path.posix = path
path.toNamespacedPath = p => p
module.exports = path
