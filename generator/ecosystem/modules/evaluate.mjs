// Evaluates an ecosystem file with Node itself. Its arguments are the file and a
// marker; it prints, between two markers, what the file exports, as a tree in
// which every value has its type. What the file prints goes to standard error.
import children from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { pathToFileURL } from 'node:url'
import { types } from 'node:util'

const [file, marker, changes] = process.argv.slice(1)
const { cpus } = JSON.parse(changes)
const asked = new Set()
const deepest = 32
let left = 100_000

process.argv = [process.execPath, file]
// Node gives these to a script of its command line, and to no module.
for (const name of ['module', 'exports', 'require', '__filename', '__dirname']) delete globalThis[name]
process.stdout.write = (...args) => process.stderr.write(...args)

// Of the variables of this machine a copy has none: they are no part of the app.
const inherited = new Set(Object.keys(process.env))
process.env = new Proxy(process.env, {
  set (target, key, value) { inherited.delete(key); target[key] = value; return true },
  ownKeys (target) {
    if (starting) return Reflect.ownKeys(target)
    asked.add('process.env')
    return Reflect.ownKeys(target).filter(key => !inherited.has(key))
  }
})

// The programs that a file starts see them all.
let starting = false
for (const name of ['exec', 'execSync', 'execFile', 'execFileSync', 'spawn', 'spawnSync', 'fork']) {
  const run = children[name]
  children[name] = (...args) => {
    starting = true
    try { return run(...args) } finally { starting = false }
  }
}

const own = os.cpus
const count = () => { asked.add('os.cpus()'); return cpus || own().length }
os.cpus = () => Array.from({ length: count() }, () => own()[0])
os.availableParallelism = count
syncBuiltinESMExports()

class Odd extends Error {}

function tree (v, depth) {
  if (--left < 0) throw new Odd('has too many values')
  if (depth === 0) throw new Odd('is nested too deep, or contains itself')
  switch (typeof v) {
    case 'undefined': return { type: 'undefined' }
    case 'boolean': return { type: 'boolean', text: String(v) }
    case 'number': return { type: 'number', text: String(v) }
    case 'string': return { type: 'string', text: v }
    case 'object': break
    default: return { type: 'other', text: typeof v === 'function' ? 'Function' : typeof v }
  }
  if (v === null) return { type: 'null' }
  if (Array.isArray(v)) return { type: 'array', list: Array.from(v, e => tree(e, depth - 1)) }
  if (types.isDate(v)) return { type: 'date', text: JSON.stringify(v) }
  if (types.isMap(v) || types.isSet(v) || types.isRegExp(v) || types.isNativeError(v) || types.isPromise(v)) {
    return { type: 'other', text: v.constructor.name }
  }
  return { type: 'object', fields: Object.keys(v).map(key => ({ key, value: tree(v[key], depth - 1) })) }
}

async function load () {
  try {
    return createRequire(file)(file)
  } catch (err) {
    const module = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE', 'ERR_UNKNOWN_FILE_EXTENSION'].includes(err.code)
    if (!module && !(err instanceof SyntaxError)) throw err
    return import(pathToFileURL(file).href)
  }
}

function chosen (module) {
  if (!types.isModuleNamespaceObject(module) && !(module && module.__esModule)) return module
  const { default: unnamed, 'module.exports': whole, ...named } = module
  return named.apps || named.pm2 || unnamed === undefined ? named : unnamed
}

async function settle (v) {
  v = await v
  for (let i = 0; i < 8 && typeof v === 'function'; i++) v = await v()
  if (typeof v === 'object' && v !== null) {
    for (const key of ['apps', 'pm2']) if (types.isPromise(v[key])) v = { ...v, [key]: await v[key] }
  }
  return v
}

const answer = {}
try {
  answer.value = tree(await settle(chosen(await load())), deepest)
} catch (err) {
  answer.odd = err instanceof Odd
  answer.error = err instanceof Error ? (err.name && !String(err.message).startsWith(err.name) && !answer.odd ? err.name + ': ' : '') + err.message : String(err)
  answer.stack = String((err && err.stack) || '')
}
answer.asked = [...asked]
fs.writeSync(1, '\n' + marker + JSON.stringify(answer) + marker + '\n')
process.exit(0)
