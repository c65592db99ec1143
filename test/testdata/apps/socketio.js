'use strict';

// Sends a number every 20 ms. It knows of no shutdown. Long polling would need
// every request of a client to come to the same worker.

const http = require('http');
const { Server } = require('socket.io');

const server = http.createServer((request, response) => response.end(JSON.stringify({ pid: process.pid })));
const io = new Server(server, { transports: ['websocket'] });

io.on('connection', (socket) => {
  let n = 0;
  const timer = setInterval(() => { n += 1; socket.emit('n', n); }, 20);
  socket.on('disconnect', () => clearInterval(timer));
});

server.listen(process.env.PORT);
