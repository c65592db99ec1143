'use strict';

const dgram = require('node:dgram');
const http = require('node:http');

const port = Number(process.env.PORT);

function answer(req, res) {
  if (req.url !== '/slow') {
    res.end('hello');
    return;
  }
  res.writeContinue(); // it is under way
  setTimeout(() => res.end('hello'), 200);
}

http.createServer(answer).listen(port, '127.0.0.1', () => {
  const socket = dgram.createSocket('udp4', (text, from) => socket.send(text, from.port, from.address));
  socket.bind(port, '127.0.0.1', () => process.send('ready'));
});
