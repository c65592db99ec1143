'use strict';

// Takes 2.5 s for what others do in 100 ms: longer than kill_timeout.

const express = require('express');

const app = express();

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.get('/api/v1/slow', (req, res) => {
  setTimeout(() => res.json({ hello: 'long world', pid: process.pid }), 2500);
});

app.listen(process.env.PORT);
