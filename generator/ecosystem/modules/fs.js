// Node's fs module: reading works below the project, writing nowhere.
'use strict'

const { fileURLToPath } = require('url')
const text = name => typeof name === 'object' && name !== null && name.href ? fileURLToPath(name) : String(name)
const encoding = options => typeof options === 'string' ? options : options && options.encoding

class Stats {
  #is
  constructor (s) {
    this.#is = s
    Object.assign(this, { size: s.size, mode: s.mode, mtimeMs: s.mtimeMs, ctimeMs: s.mtimeMs, birthtimeMs: s.mtimeMs, mtime: new Date(s.mtimeMs) })
  }

  isFile () { return this.#is.file }
  isDirectory () { return this.#is.dir }
  isSymbolicLink () { return this.#is.link }
  isSocket () { return false }
  isFIFO () { return false }
}

const stat = link => (name, options) => {
  try {
    return new Stats(host.stat(text(name), link))
  } catch (err) {
    if (options && options.throwIfNoEntry === false && err.code === 'ENOENT') return undefined
    throw err
  }
}

class Dirent {
  #stats
  constructor (dir, name) {
    this.name = name
    this.parentPath = this.path = dir
    this.#stats = new Stats(host.stat(dir + '/' + name, true))
  }

  isFile () { return this.#stats.isFile() }
  isDirectory () { return this.#stats.isDirectory() }
  isSymbolicLink () { return this.#stats.isSymbolicLink() }
}

function readdir (name, options) {
  const dir = text(name)
  if (!options || !options.recursive) {
    const names = host.list(dir)
    return options && options.withFileTypes ? names.map(n => new Dirent(dir, n)) : names
  }
  const out = []
  const walk = at => {
    for (const n of host.list(dir + '/' + at)) {
      out.push(at + n)
      if (host.stat(dir + '/' + at + n, true).dir) walk(at + n + '/')
    }
  }
  walk('')
  return out
}

const reading = {
  readFile: (name, options) => {
    const wanted = encoding(options)
    if (!wanted || wanted === 'buffer') return host.bytes(text(name))
    return /^utf-?8$/i.test(wanted) ? host.read(text(name)) : host.bytes(text(name)).toString(wanted)
  },
  readdir,
  stat: stat(false),
  lstat: stat(true),
  access: (name, mode) => {
    host.stat(text(name), false)
    if (mode & 2) refuse('access')(name)
  },
  realpath: name => host.real(text(name)),
  readlink: name => host.real(text(name))
}
reading.realpath.native = reading.realpath

const refuse = method => name => host.refuse('EROFS', 'EROFS: the file may read but change nothing: fs.' + method + '(' + (name === undefined ? '' : JSON.stringify(text(name))) + ')',
  'take it out: tmpfiles.d makes folders for the app; or ' + host.letNode)

const fs = { constants: { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 }, F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1, Stats, Dirent }
fs.promises = { constants: fs.constants }

function forms (name, sync) {
  fs[name + 'Sync'] = sync
  fs.promises[name] = async (...args) => sync(...args)
  fs[name] = (...args) => {
    const done = args.pop()
    if (typeof done !== 'function') throw new TypeError('The "cb" argument must be of type function')
    let answer
    try { answer = [null, sync(...args)] } catch (err) { answer = [err] }
    setImmediate(done, ...answer)
  }
}

for (const name of Object.keys(reading)) forms(name, reading[name])
for (const name of ['writeFile', 'appendFile', 'mkdtemp', 'rm', 'rmdir', 'unlink', 'rename', 'copyFile', 'cp', 'chmod', 'chown',
  'symlink', 'link', 'truncate', 'utimes', 'open', 'write']) {
  const refused = refuse(name)
  fs[name] = fs[name + 'Sync'] = refused
  fs.promises[name] = async (...args) => refused(...args)
}
// Many files make a folder for their logs. The units see to that.
forms('mkdir', name => { host.skipped('fs.mkdirSync(' + JSON.stringify(text(name)) + ')') })
for (const name of ['createReadStream', 'createWriteStream', 'watch', 'watchFile', 'opendirSync']) {
  fs[name] = path => host.refuse('ENOSYS', 'fs.' + name + '() is not there while the file is read', 'use fs.readFileSync(), or ' + host.letNode)
}
fs.existsSync = name => {
  if (typeof name !== 'string' && !(name && name.href)) return false
  return host.exists(text(name))
}
fs.exists = (name, done) => { setImmediate(done, fs.existsSync(name)) }
module.exports = fs
