'use strict';

// Runs the code that the test sends, and answers with what that returns.

globalThis.cluster = require('cluster');
globalThis.http = require('http');
globalThis.net = require('net');

/** Listens, and is done when the server does. It says hello, after a while where that is asked for. */
globalThis.listen = (server, ...args) => new Promise((resolve, reject) => {
  server.once('error', reject).once('listening', () => resolve(server));
  server.listen(...args);
});
globalThis.hello = () => http.createServer((req, res) => {
  if (req.url === '/slow') process.send('slow');
  setTimeout(() => res.end('hello'), req.url === '/slow' ? 300 : 0);
});
globalThis.closed = (server) => new Promise((resolve) => { server.close(resolve); });

if (cluster.isWorker) {
  hello().listen(Number(process.argv[2]));
} else {
  process.on('message', async (code) => {
    try {
      process.send((await eval(`(async () => { ${code} })()`)) ?? null);
    } catch (err) {
      process.send({ code: err.code, message: err.message });
    }
  });
}
