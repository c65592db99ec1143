'use strict';

// Answers each request after as many milliseconds as its path says, in which the
// event loop does nothing else: a handler that computes, on a CPU of its own.

const http = require('http');

const never = new Int32Array(new SharedArrayBuffer(4));

http.createServer((request, response) => {
  Atomics.wait(never, 0, 0, Number(request.url.slice(1)));
  response.end(JSON.stringify({ pid: process.pid }));
}).listen({ fd: 3 });
