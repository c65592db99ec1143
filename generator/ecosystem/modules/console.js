// Everything goes to standard error: standard output is gopm-gen's own.
'use strict'
const { format, inspect } = require('util')
let indent = ''
const counts = {}
const times = {}

function log (...args) {
  for (const line of format(...args).split('\n')) host.print(indent + line)
}

class Console {
  log (...args) { log(...args) }
  assert (ok, ...args) { if (!ok) log('Assertion failed' + (args.length > 0 ? ':' : ''), ...args) }
  dir (value) { log(inspect(value)) }
  group (...args) { if (args.length > 0) log(...args); indent += '  ' }
  groupEnd () { indent = indent.slice(2) }
  count (label = 'default') { counts[label] = (counts[label] || 0) + 1; log(label + ': ' + counts[label]) }
  countReset (label = 'default') { counts[label] = 0 }
  time (label = 'default') { times[label] = true }
  timeLog (label = 'default', ...args) { if (times[label]) log(label + ': 0ms', ...args) }
  timeEnd (label = 'default') { if (times[label]) log(label + ': 0ms'); delete times[label] }
  clear () {}
}
for (const name of ['info', 'debug', 'warn', 'error', 'trace', 'table', 'dirxml']) Console.prototype[name] = log
Console.prototype.groupCollapsed = Console.prototype.group

// Files hand console.log on as a function.
const console = {}
for (const name of Object.getOwnPropertyNames(Console.prototype)) {
  if (name !== 'constructor') console[name] = Console.prototype[name]
}
console.Console = Console
module.exports = console
