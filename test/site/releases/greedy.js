'use strict';

// Listens in every way that an app may try, and tells what became of it.

const cluster = require('cluster');
const net = require('net');
const express = require('express');

const app = express();
const tried = { 'cluster.isWorker': String(cluster.isWorker) };

app.get('/tried', (req, res) => {
  res.json(tried);
});

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.listen(process.env.PORT, () => {
  attempt('low port', { port: 81 });
  attempt('one address of the port', { port: process.env.PORT, host: '127.0.0.1' });
  attempt('unix socket', { path: '/tmp/greedy.sock' });
  attempt('the port again', { port: process.env.PORT });
  // As many apps do for their metrics.
  if (process.env.NODE_APP_INSTANCE === '0') attempt('other port', { port: 9100 });
});

function attempt(what, where) {
  const server = net.createServer((socket) => socket.end('greedy'));
  server.once('error', ({ code }) => { tried[what] = code; });
  server.listen(where, () => { tried[what] = 'listens'; });
}
