'use strict';

// Listens on a path.

const http = require('http');

http.createServer((req, res) => res.end('hello')).listen(process.env.SOCKET_PATH);
