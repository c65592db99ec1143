'use strict';

// Ends when it is told to by a message, and knows of no signal.

const express = require('express');

const app = express();

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.get('/api/v1/slow', (req, res) => {
  setTimeout(() => res.json({ hello: 'world', pid: process.pid }), 100);
});

const server = app.listen(process.env.PORT);

process.on('message', (message) => {
  if (message === 'shutdown') server.close(() => process.exit(0));
});
