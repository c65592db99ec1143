'use strict';

const app = require('express')();

app.get('/api/v1/hello', (req, res) => res.json({ pid: process.pid }));
app.listen(process.env.PORT);
