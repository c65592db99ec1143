// Node's os module. What differs between machines comes from the host, which
// remembers the question.
'use strict'

const constant = v => () => v
const os = {
  EOL: '\n',
  devNull: '/dev/null',
  platform: constant('linux'),
  type: constant('Linux'),
  arch: constant(host.arch),
  machine: constant(host.machine),
  release: constant('6.1.0'),
  version: constant('#1 SMP'),
  endianness: constant('LE'),
  tmpdir: constant('/tmp'),
  hostname: host.hostname,
  homedir: host.homedir,
  availableParallelism: host.cpus,
  cpus: () => Array.from({ length: host.cpus() }, () => ({ model: '', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } })),
  totalmem: () => host.memory('os.totalmem()'),
  freemem: () => host.memory('os.freemem()'),
  uptime: constant(3600),
  loadavg: () => [0, 0, 0],
  networkInterfaces: host.interfaces,
  userInfo: () => ({ username: host.user(), uid: host.uid(), gid: host.uid(), homedir: host.homedir(), shell: '/bin/sh' }),
  getPriority: constant(0),
  setPriority: () => {},
  constants: {
    signals: { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 },
    errno: {},
    priority: { PRIORITY_LOW: 19, PRIORITY_BELOW_NORMAL: 10, PRIORITY_NORMAL: 0, PRIORITY_ABOVE_NORMAL: -7, PRIORITY_HIGH: -14, PRIORITY_HIGHEST: -20 }
  }
}
module.exports = os
