'use strict';

// Starts in no time and needs no memory, as far as Node goes.

require('http').createServer((req, res) => {
  const answer = () => res.end(JSON.stringify({ hello: 'world', pid: process.pid }));
  if (req.url === '/api/v1/slow') setTimeout(answer, 100);
  else answer();
}).listen(process.env.PORT);
