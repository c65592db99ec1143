'use strict';

// Answers datagrams: on 5353, which the socket unit declares, and on 5354.
//   tried   where else it may bind
//   ask     what 5354 answers to a socket of the worker's own
//   other   the same text

const dgram = require('dgram');

const tried = {};

function serve(port) {
  const server = dgram.createSocket('udp4');
  server.on('message', async (text, from) => {
    let said = String(text);
    if (said === 'tried') said = tried;
    if (said === 'ask') said = await ask();
    server.send(JSON.stringify({ text: said }), from.port, from.address);
  });
  server.bind(port);
}

function ask() {
  return new Promise((resolve) => {
    const own = dgram.createSocket('udp4');
    own.on('message', (answer) => {
      own.close();
      resolve(JSON.parse(answer).text);
    });
    own.bind(0, '127.0.0.1', () => own.send('asked', 5354, '127.0.0.1'));
  });
}

function attempt(name, type, ...where) {
  const socket = dgram.createSocket(type);
  socket.on('error', (error) => { tried[name] = error.code; });
  socket.bind(...where, () => { tried[name] = 'bound'; });
}

serve(5353);
serve(5354);
attempt('low port', 'udp4', 81);
attempt('the port again', 'udp4', 5353);
attempt('one address of the port', 'udp4', 5353, '127.0.0.1');
attempt('by itself', 'udp4', { port: 0, exclusive: true });
attempt('another family', 'udp6', 5355);
