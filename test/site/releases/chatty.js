'use strict';

// Logs each request, to both of its streams.

const express = require('express');

const app = express();

app.get('/api/v1/hello', (req, res) => {
  console.log('asked', req.url);
  console.error('asked', req.url);
  res.json({ hello: 'world', pid: process.pid });
});

app.listen(process.env.PORT);
