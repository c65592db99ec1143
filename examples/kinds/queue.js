'use strict';

// Takes a second to fill, and says then that it is ready.

const http = require('http');

let ready = false;

http.createServer((req, res) => {
  res.end(JSON.stringify({ pid: process.pid, ready }));
}).listen(process.env.PORT);

setTimeout(() => {
  ready = true;
  process.send('ready');
}, 1000);

process.on('message', (message) => {
  if (message !== 'shutdown') return;
  console.log('the queue is empty');
  process.exit();
});
