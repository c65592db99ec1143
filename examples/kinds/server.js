'use strict';

// Answers with what it is. /exit/3 ends it with 3, and /fill keeps 64 MB more.

const http = require('http');

const kept = [];

http.createServer((req, res) => {
  const code = /^\/exit\/(\d+)$/.exec(req.url);
  if (code) process.exit(Number(code[1]));
  if (req.url === '/fill') kept.push(Buffer.alloc(64 << 20, 1));
  res.end(JSON.stringify({ pid: process.pid, instance: process.env.NODE_APP_INSTANCE }));
}).listen(process.env.PORT);
