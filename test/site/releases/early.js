'use strict';

// Listens, and dies a little later.

const express = require('express');

const app = express();

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.listen(process.env.PORT, () => {
  setTimeout(() => process.exit(3), 300);
});
