'use strict';

// The app of one line that frameworks are compared with.
require('http').createServer((req, res) => res.end('hello')).listen(0);
