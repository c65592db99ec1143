'use strict';

// Preloaded into each worker of a cluster (NODE_OPTIONS=--require=…, so that it
// comes before what the app's own command requires), and in fork mode where an
// app's port or its logs ask for it (node --require=/usr/lib/gopm/agent.cjs script).
// Children inherit the first, so this file also runs where there is nothing to do.

// The second is not for the app to see, nor for its children to inherit.
const option = process.execArgv.indexOf(`--require=${__filename}`);
if (option >= 0) process.execArgv.splice(option, 1);

// Only a worker has both a channel to its parent (asked first: loading `cluster`
// is not free) and a place in a cluster.
const isWorker = Boolean(process.send) && require('cluster').isWorker;
// Without a cluster only the second tells that the channel is the activator's.
const isAsked = isWorker || (Boolean(process.send) && option >= 0);

if (['GOPM_LOG_TYPE', 'GOPM_LOG_DATE_FORMAT', 'GOPM_LOG_NAME'].some((name) => name in process.env)) {
  require('./logs.cjs').install(process);
}
if ('GOPM_LISTEN' in process.env) require('./listen.cjs').install(process, require('./drain.cjs'));
if (isWorker) {
  require('./disk.cjs').install(process);
  require('./drain.cjs').install(process);
}
if (isAsked) require('./measures.cjs').install(process, require('./drain.cjs'));
