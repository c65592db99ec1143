'use strict';

const dgram = require('node:dgram');
const http = require('node:http');

const port = Number(process.env.PORT);

http.createServer((req, res) => res.end('hello')).listen(port, '127.0.0.1', () => {
  const socket = dgram.createSocket('udp4', (text, from) => socket.send(text, from.port, from.address));
  socket.bind(port, '127.0.0.1', () => process.send('ready'));
});
