'use strict';

// The app that every peer runs. It is bare, so that what is measured is what a
// peer adds and not what a framework does.

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const https = require('https');
const net = require('net');
const path = require('path');
const { performance } = require('perf_hooks');

const pid = process.pid;
const hello = JSON.stringify({ hello: 'world', pid });
const large = JSON.stringify({ pid, padding: 'x'.repeat(64 * 1024 - 30) });
const never = new Int32Array(new SharedArrayBuffer(4));

function answer(request, response) {
  response.setHeader('Content-Type', 'application/json');
  switch (request.url) {
    case '/api/v1/hello': return response.end(hello);
    case '/api/v1/large': return response.end(large);
    // Stands for a handler that waits for a database.
    case '/api/v1/slow': return setTimeout(() => response.end(hello), 100);
    // From now on this worker's event loop does nothing for half of each second.
    case '/api/v1/block':
      setInterval(() => Atomics.wait(never, 0, 0, 500), 1000);
      return response.end(hello);
    // From now on it does nothing at all.
    case '/api/v1/hang':
      response.on('close', () => Atomics.wait(never, 0, 0));
      response.setHeader('Connection', 'close');
      return response.end(hello);
  }
  response.statusCode = 404;
  return response.end();
}

// The least of a WebSocket (RFC 6455, section 4.2.2): it stays open.
function upgrade(request, socket) {
  const accept = crypto.createHash('sha1')
    .update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.on('error', () => {});
  socket.on('end', () => socket.end()).resume();
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\nX-Worker: ${pid}\r\n\r\n`);
}

// With a certificate beside it the app speaks TLS, unless a peer does it instead.
function serve() {
  const key = path.join(__dirname, 'key.pem');
  if (process.env.PLAIN || !fs.existsSync(key)) return http.createServer(answer);
  return https.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(path.join(__dirname, 'cert.pem')) }, answer);
}

function where() {
  if (process.env.LISTEN_FDS) return { fd: 3 }; // systemd's Sockets=
  return { port: process.env.PORT, reusePort: Boolean(process.env.REUSE_PORT) };
}

// The benchmark sees from this connection that there is a process, when it is
// ready, and when it has ended.
const life = net.connect('/opt/life/socket');
life.on('error', () => {});
life.unref();
life.write(`${pid} ${performance.timeOrigin}\n`);

serve().on('upgrade', upgrade).listen(where(), () => life.write('ready\n'));
