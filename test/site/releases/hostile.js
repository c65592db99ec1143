'use strict';

// Says to the activator whatever it is asked to.

const net = require('net');
const express = require('express');

const app = express();

app.get('/control', (req, res) => {
  let answer = '';
  net.connect('/run/gopm/my-api.sock')
    .on('data', (data) => { answer += data; })
    .on('close', () => res.json({ answer }))
    .on('error', (error) => { answer += error; })
    .end(req.query.line);
});

app.get('/channel', (req, res) => {
  res.json({ pid: process.pid });
  // Past Node: the channel's descriptor itself.
  if (req.query.line) require('fs').writeSync(process.channel.fd, req.query.line);
});

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.listen(process.env.PORT);
