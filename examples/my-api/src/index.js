'use strict';

const express = require('express');

const app = express();

app.get('/health', (req, res) => {
  res.json({ status: 'ok' });
});

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

// Stands for a handler that waits for a database.
app.get('/api/v1/slow', (req, res) => {
  setTimeout(() => res.json({ hello: 'slow world', pid: process.pid }), 100);
});

app.listen(process.env.PORT || 3000);
