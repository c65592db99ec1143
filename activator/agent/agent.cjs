'use strict';

// Preloaded into each worker: NODE_OPTIONS=--require=/usr/lib/gopm/agent.cjs.
// A worker's own children and threads inherit that variable, so this file also
// runs where there is nothing to do. Only a worker has both a channel to its
// parent (asked first: loading `cluster` is not free) and a place in a cluster.
if (process.send && require('cluster').isWorker) {
  require('./logdate.cjs').install(process);
  require('./drain.cjs').install(process);
}
