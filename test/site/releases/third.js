'use strict';

// Works, but for instance 2.

if (process.env.NODE_APP_INSTANCE === '2') throw new Error('not on my watch');

const express = require('express');

const app = express();

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.listen(process.env.PORT);
