'use strict';

// Listens 5 s after it was started: later than PM2's listen_timeout.

const express = require('express');

const app = express();

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.get('/api/v1/slow', (req, res) => {
  setTimeout(() => res.json({ hello: 'world', pid: process.pid }), 100);
});

setTimeout(() => app.listen(process.env.PORT), 5000);
