'use strict';

// After /api/v1/block its event loop does nothing until there is a file `go-on`.

const express = require('express');
const fs = require('fs');
const path = require('path');

const app = express();
const never = new Int32Array(new SharedArrayBuffer(4));

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.get('/api/v1/block', (req, res) => {
  res.json({ pid: process.pid });
  res.on('close', () => {
    while (!fs.existsSync(path.join(__dirname, 'go-on'))) Atomics.wait(never, 0, 0, 10);
  });
});

app.listen(process.env.PORT);
