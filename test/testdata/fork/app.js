'use strict';

// Tells what it sees of its instance, once, and then lives until it is stopped.
// The last arguments are what else it does.

const fs = require('fs');
const cluster = require('cluster');

const does = new Set(process.argv.slice(2));
const cpus = /^Cpus_allowed_list:\s*(.*)$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];

console.log(JSON.stringify({
  instance: process.env.NODE_APP_INSTANCE,
  port: process.env.PORT,
  worker: cluster.isWorker,
  sends: typeof process.send === 'function',
  options: process.env.NODE_OPTIONS,
  cpus,
}));

if (does.has('ready')) process.send('ready');
if (does.has('disconnect')) process.disconnect();
if (does.has('lie')) process.send({ cmd: 'NODE_CLUSTER', act: 'queryServer', seq: 1, port: 80, addressType: 4 });
if (does.has('message')) {
  process.on('message', (message) => {
    console.log(`got ${JSON.stringify(message)}`);
    if (message === 'shutdown') process.exit();
  });
}
process.on('SIGINT', () => {
  console.log('got SIGINT');
  process.exit();
});
setInterval(() => {}, 1 << 30);
