'use strict';

// An app that divides itself where nobody does it for it.

const cluster = require('cluster');
const http = require('http');

if (cluster.isMaster) { // isPrimary, since Node 16
  for (let i = 0; i < 4; i++) cluster.fork();
} else {
  process.send({ isWorker: cluster.isWorker, fork: typeof cluster.fork });
  http.createServer((req, res) => res.end('hello')).listen(0);
}
