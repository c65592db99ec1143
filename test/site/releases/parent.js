'use strict';

// Has a child do the work. Without it there is no answer.

const { spawn } = require('child_process');
const readline = require('readline');
const express = require('express');

const app = express();
const child = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = [];

readline.createInterface({ input: child.stdout }).on('line', (line) => waiting.shift().json(JSON.parse(line)));
child.on('exit', () => waiting.forEach((res) => res.status(500).end()));

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.get('/api/v1/slow', (req, res) => {
  setTimeout(() => {
    waiting.push(res);
    child.stdin.write(`${JSON.stringify({ hello: 'world', pid: process.pid })}\n`);
  }, 100);
});

app.listen(process.env.PORT);
