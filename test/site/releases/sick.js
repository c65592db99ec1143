'use strict';

// Listens, and is never well.

const express = require('express');

const app = express();

app.get('/health', (req, res) => {
  res.status(500).end();
});

app.listen(process.env.PORT);
