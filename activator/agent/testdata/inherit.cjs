'use strict';

// Tells which of the agent's files are loaded here, in a child and in a thread.

const { fork, spawn } = require('child_process');
const path = require('path');
const { Worker, isMainThread, parentPort } = require('worker_threads');

const loaded = Object.keys(require.cache)
  .filter((file) => path.dirname(file) === path.dirname(__dirname))
  .map((file) => path.basename(file))
  .sort();

if (!isMainThread) {
  parentPort.postMessage(loaded);
} else if (process.argv[2] === 'forked') {
  process.send(loaded);
} else if (process.argv[2] === 'spawned') {
  console.log(JSON.stringify(loaded));
} else {
  const tell = (who) => (files) => process.send({ who, files });
  tell('worker')(loaded);
  fork(__filename, ['forked']).on('message', tell('forked'));
  spawn(process.execPath, [__filename, 'spawned']).stdout
    .on('data', (json) => tell('spawned')(JSON.parse(json)));
  new Worker(__filename).on('message', tell('thread'));
}
