'use strict';

// Sends a number every 20 ms, and says goodbye when it is told to shut down.

const http = require('http');
const { WebSocketServer } = require('ws');

const server = http.createServer((request, response) => response.end(JSON.stringify({ pid: process.pid })));
const sockets = new WebSocketServer({ server });

sockets.on('connection', (socket) => {
  let n = 0;
  const timer = setInterval(() => { n += 1; socket.send(String(n)); }, 20);
  socket.on('close', () => clearInterval(timer));
});

process.on('message', (message) => {
  if (message !== 'shutdown') return;
  for (const socket of sockets.clients) socket.close(1001);
  server.close(() => process.exit());
});

server.listen(process.env.PORT);
