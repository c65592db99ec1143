'use strict';

// Shows page.json as it was when the process began.

const http = require('http');
const page = require('./page.json');

http.createServer((req, res) => {
  res.end(JSON.stringify({ pid: process.pid, ...page }));
}).listen(process.env.PORT);
