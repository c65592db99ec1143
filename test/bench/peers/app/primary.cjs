'use strict';

// node:cluster alone, as its manual shows it: a worker that ends is forked anew,
// and SIGUSR2 replaces them one by one, each when the next one listens.

const cluster = require('cluster');
const path = require('path');

cluster.setupPrimary({ exec: path.join(__dirname, 'app.cjs') });
for (let i = 0; i < Number(process.env.WORKERS); i++) cluster.fork();

const leaving = new Set();
cluster.on('exit', (worker) => {
  if (!leaving.delete(worker)) cluster.fork();
});

async function replace(old) {
  await new Promise((resolve) => { cluster.fork().once('listening', resolve); });
  leaving.add(old);
  old.disconnect();
  // Kept connections that are busy never end by themselves.
  const late = setTimeout(() => old.process.kill('SIGKILL'), 1600);
  await new Promise((resolve) => { old.once('exit', resolve); });
  clearTimeout(late);
}

process.on('SIGUSR2', async () => {
  for (const old of Object.values(cluster.workers)) await replace(old);
});
