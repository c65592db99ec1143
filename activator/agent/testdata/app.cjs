'use strict';

// An app with a route for each way in which a connection can be busy. It tells
// the test (process.send) what a client can't know: that it has got this far.

const cluster = require('cluster');
const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');
const { setTimeout: sleep } = require('timers/promises');

let counted = 0; // requests for /count
let letGo; // answers /held

const routes = {
  '/': (req, res) => res.end('hello'),

  // Some time passes before the headers are sent.
  '/slow': async (req, res) => {
    process.send('slow');
    await sleep(Number(req.query.get('ms')));
    res.end('hello');
  },

  // Answers when the test says so.
  '/held': (req, res) => {
    letGo = () => res.end('hello');
    process.send('held');
  },

  // Headers and the first part now, the rest later.
  '/stream': async (req, res) => {
    res.write('part 0\n');
    process.send('stream');
    for (let i = 1; i < 10; i++) {
      await sleep(Number(req.query.get('ms')) / 10);
      res.write(`part ${i}\n`);
    }
    res.end();
  },

  // Answers with the size of what was sent.
  '/upload': (req, res) => {
    process.send('upload');
    let size = 0;
    req.on('data', (data) => { size += data.length; });
    req.on('end', () => res.end(String(size)));
  },

  // Answers without a look at what is sent.
  '/refuse': (req, res) => {
    res.statusCode = 413;
    res.end('too large');
  },

  // The event loop stands still, for some time or until there is a file.
  '/block': (req, res) => {
    process.send('block');
    const end = Date.now() + Number(req.query.get('ms'));
    while (Date.now() < end);
    const file = req.query.get('until');
    while (file && !fs.existsSync(file));
    res.end('hello');
  },

  '/count': (req, res) => {
    counted += 1;
    res.end('counted');
  },

  // Ways to send a header of one's own.
  '/own/set': (req, res) => {
    res.setHeader('connection', 'keep-alive');
    res.end('hello');
  },
  '/own/object': (req, res) => {
    res.writeHead(200, 'OK', { 'X-First': '1', 'Connection': 'keep-alive', 'Keep-Alive': 'timeout=5' });
    res.end('hello');
  },
  '/own/array': (req, res) => {
    res.writeHead(200, ['X-First', '1', 'CONNECTION', 'Keep-Alive', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
    res.end('hello');
  },
  '/own/pairs': (req, res) => {
    res.writeHead(200, [['X-First', '1'], ['Connection', 'keep-alive']]);
    res.end('hello');
  },
  '/own/set-and-object': (req, res) => {
    res.setHeader('Connection', 'keep-alive');
    res.writeHead(200, { 'X-First': '1' });
    res.flushHeaders();
    res.end('hello');
  },
  '/own/removed': (req, res) => {
    res.removeHeader('Connection');
    res.end('hello');
  },
};

function onRequest(req, res) {
  const url = new URL(req.url, 'http://app');
  req.query = url.searchParams;
  routes[url.pathname](req, res);
}

/** Echoes, as a WebSocket server in a test might. */
function onUpgrade(req, socket) {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  socket.on('data', (data) => socket.write(data));
  socket.on('end', () => socket.end());
}

function create() {
  const { CERT, KEY, HTTP2 } = process.env;
  if (!CERT) return (HTTP2 ? http2 : http).createServer(onRequest);
  const secret = { cert: fs.readFileSync(CERT), key: fs.readFileSync(KEY) };
  return HTTP2
    ? http2.createSecureServer({ ...secret, allowHTTP1: true }, onRequest)
    : https.createServer(secret, onRequest);
}

const server = create();
server.on('upgrade', onUpgrade);
server.on('connection', () => process.send('connection'));
const sessions = []; // of HTTP/2
server.on('session', (session) => sessions.push(session));
// What PM2's pages advise; an error would be a failed stop.
process.on('SIGINT', () => server.close((err) => {
  if (err) console.error(err);
  process.exit(err ? 1 : 0);
}));
process.on('message', (what) => {
  if (what === 'listen') http.createServer(onRequest).listen(0, 'localhost');
  if (what === 'close') server.close();
  if (what === 'close sessions') for (const session of sessions) session.close();
  if (what === 'let go') letGo();
  if (what === 'count') process.send(`${counted} counted`);
  if (what === 'leave') cluster.worker.disconnect();
  if (what === 'disconnect') process.disconnect();
});
// Node's own time for idle connections, 5 s, must not end one before the agent.
server.keepAliveTimeout = 60000;
server.listen(0);
