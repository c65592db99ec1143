'use strict';

// Listens for its metrics, and a second later for what it is there for.

const http = require('http');
const express = require('express');

const app = express();

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.get('/api/v1/slow', (req, res) => {
  setTimeout(() => res.json({ hello: 'world', pid: process.pid }), 100);
});

http.createServer((req, res) => res.end('up 1\n')).listen(9100, () => {
  setTimeout(() => app.listen(process.env.PORT), 1000);
});
