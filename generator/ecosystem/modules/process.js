// Node's process object. It knows one Node, the same everywhere: what a file
// decides by the version of the Node that reads it is of no use to the app.
'use strict'

const process = new (require('events'))()
const version = '22.21.1'
const nothing = () => process

function hrtime (before) {
  const ms = host.begin() + host.uptime()
  let now = [Math.floor(ms / 1000), Math.floor((ms % 1000) * 1e6)]
  if (before) {
    now = [now[0] - before[0], now[1] - before[1]]
    if (now[1] < 0) now = [now[0] - 1, now[1] + 1e9]
  }
  return now
}
hrtime.bigint = () => BigInt(Math.floor((host.begin() + host.uptime()) * 1e6))

const stream = print => ({ isTTY: false, fd: 2, columns: 80, write: text => { print(text); return true }, on: nothing, once: nothing, end: nothing, hasColors: () => false, getColorDepth: () => 1 })

Object.assign(process, {
  env: host.env,
  version: 'v' + version,
  versions: { node: version, v8: '12.4.254.21-node.33', modules: '127' },
  release: { name: 'node', lts: 'Jod' },
  arch: host.arch,
  platform: 'linux',
  title: 'node',
  ppid: 1,
  execPath: '/usr/bin/node',
  execArgv: [],
  argv0: 'node',
  exitCode: undefined,
  config: {},
  features: {},
  cwd: () => host.root,
  uptime: () => host.uptime() / 1000,
  hrtime,
  nextTick: (f, ...args) => { Promise.resolve().then(() => f(...args)) },
  memoryUsage: Object.assign(() => ({ rss: 5e7, heapTotal: 2e7, heapUsed: 1e7, external: 1e6, arrayBuffers: 1e4 }), { rss: () => 5e7 }),
  cpuUsage: () => ({ user: 1e5, system: 1e4 }),
  getuid: host.uid,
  geteuid: host.uid,
  getgid: host.uid,
  getegid: host.uid,
  umask: () => 0o022,
  emitWarning: warning => { require('console').warn('Warning:', warning) },
  loadEnvFile: name => { require('dotenv').load(name || '.env') },
  setUncaughtExceptionCaptureCallback: nothing,
  stdout: stream(text => require('console').log(String(text).replace(/\n$/, ''))),
  stderr: stream(text => require('console').log(String(text).replace(/\n$/, ''))),
  stdin: { isTTY: false, fd: 0, on: nothing, once: nothing, resume: nothing, pause: nothing }
})
// Handlers for signals and for the end are never called: nothing runs that long.
for (const name of ['on', 'once', 'addListener', 'prependListener']) process[name] = nothing

for (const [name, hint] of [
  ['exit', 'leave it out, or throw an Error that says what is wrong'],
  ['abort', 'leave it out, or throw an Error that says what is wrong'],
  ['kill', 'leave it out: reading a file ends no process'],
  ['chdir', 'write absolute paths, with path.join(__dirname, …)'],
  ['dlopen', host.letNode],
  ['setuid', 'write user: "…" into the app'],
  ['setgid', 'write gid: "…" into the app']
]) {
  process[name] = () => host.refuse('ERR_ACCESS_DENIED', 'the file calls process.' + name + '()', hint)
}

for (const [name, get] of [['argv', host.argv], ['pid', host.pid]]) {
  let own
  Object.defineProperty(process, name, { get: () => own === undefined ? (own = get()) : own, set: v => { own = v }, enumerable: true, configurable: true })
}
Object.defineProperty(process, 'mainModule', { value: undefined, writable: true })

module.exports = process
