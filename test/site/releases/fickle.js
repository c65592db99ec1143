'use strict';

// Works, but for instance 0, which listens and dies a little later.

const express = require('express');

const app = express();

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.listen(process.env.PORT, () => {
  if (process.env.NODE_APP_INSTANCE === '0') setTimeout(() => process.exit(3), 10);
});
