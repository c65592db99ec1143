'use strict';

// Answers slowly, and ends when it is told so.

const http = require('http');

http.createServer((req, res) => {
  setTimeout(() => res.end(JSON.stringify({ pid: process.pid })), 1000);
  console.log('asked');
}).listen(3000);

process.on('message', (message) => {
  console.log(`got ${JSON.stringify(message)}`);
  process.exit();
});
process.on('SIGINT', () => console.log('got SIGINT'));
