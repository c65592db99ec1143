'use strict';

// Lives until it is stopped, and tells what it sees of its instance. Its
// arguments are what else it does.

const fs = require('fs');
const cluster = require('cluster');

const does = new Set(process.argv.slice(2));

function tell() {
  console.log(JSON.stringify({
    instance: process.env.NODE_APP_INSTANCE,
    port: process.env.PORT,
    worker: cluster.isWorker,
    sends: typeof process.send === 'function',
    options: process.env.NODE_OPTIONS,
    cpus: /^Cpus_allowed_list:\s*(.*)$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1],
  }));
}

process.on('SIGINT', () => {
  console.log('got SIGINT');
  process.exit();
});
if (does.has('message')) {
  process.on('message', (message) => {
    console.log(`got ${JSON.stringify(message)}`);
    if (message === 'shutdown') process.exit();
  });
}
if (does.has('ready')) process.send('ready');
if (does.has('slowly')) setTimeout(() => process.send('ready'), 400);
if (does.has('leak')) setTimeout(() => { globalThis.kept = Buffer.alloc(200 << 20, 1); }, 100);
if (does.has('lie')) process.send({ cmd: 'NODE_CLUSTER', act: 'queryServer', seq: 1, port: 80, addressType: 4 });
if (does.has('disconnect')) {
  process.once('disconnect', tell);
  process.disconnect();
} else {
  tell();
}
setInterval(() => {}, 1 << 30);
