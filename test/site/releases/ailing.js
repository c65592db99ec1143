'use strict';

// Is not well for its first half second. After /api/v1/ail it never is again,
// and after /api/v1/hang it does nothing at all any more.

const express = require('express');

const app = express();
let well = false;

app.get('/health', (req, res) => {
  res.status(well ? 200 : 503).json({ well });
});

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.get('/api/v1/ail', (req, res) => {
  well = false;
  res.json({ pid: process.pid });
});

app.get('/api/v1/hang', (req, res) => {
  res.json({ pid: process.pid });
  res.on('close', () => { for (;;); });
});

app.listen(process.env.PORT, () => {
  setTimeout(() => { well = true; }, 500);
});
