'use strict';

// Preloaded into each worker of a cluster (NODE_OPTIONS=--require=…, so that it
// comes before what the app's own command requires), and elsewhere where an
// app's logs ask for it (node --require=/usr/lib/gopm/agent.cjs script).
// Children and threads inherit either, so this file also runs where there is
// nothing to do.

// Only a worker has both a channel to its parent (asked first: loading `cluster`
// is not free) and a place in a cluster.
const isWorker = Boolean(process.send) && require('cluster').isWorker;

if (['GOPM_LOG_TYPE', 'GOPM_LOG_DATE_FORMAT', 'GOPM_LOG_NAME'].some((name) => name in process.env)) {
  require('./logs.cjs').install(process);
}
if (isWorker) {
  require('./disk.cjs').install(process);
  require('./drain.cjs').install(process);
}
