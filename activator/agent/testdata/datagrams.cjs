'use strict';

// Answers each datagram after a while, with what a socket of its own was told.

const dgram = require('dgram');

const server = dgram.createSocket('udp4');

server.on('message', (text, from) => {
  process.send(`read ${text}`);
  setTimeout(() => {
    const own = dgram.createSocket('udp4');
    own.on('message', (reply) => {
      server.send(reply, from.port, from.address);
      own.close();
    });
    own.send(text, Number(process.env.BACKEND), '127.0.0.1');
  }, 300);
});

server.bind(5353, '127.0.0.1');
