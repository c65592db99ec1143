'use strict';

const express = require('express');

const app = express();
const kept = [];

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.get('/api/v1/leak', (req, res) => {
  kept.push(Buffer.alloc(64 << 20, 1));
  res.json({ kept: kept.length, pid: process.pid });
});

app.listen(process.env.PORT || 3000);
