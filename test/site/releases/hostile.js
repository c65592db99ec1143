'use strict';

// Says to the activator whatever it is asked to.

const { execFile } = require('child_process');
const express = require('express');

const app = express();

// @INSTANCE@ and @RUN@ in the line are its own; ?child= says it from a child.
app.get('/control', (req, res) => {
  const line = req.query.line
    .replace('@INSTANCE@', process.env.NODE_APP_INSTANCE)
    .replace('@RUN@', process.env.INVOCATION_ID);
  if (req.query.child) {
    execFile(process.execPath, ['-e', `(${say})(process.argv[1], console.log)`, line], (error, answer) => res.json({ answer: answer || String(error) }));
    return;
  }
  say(line, (answer) => res.json({ answer }));
});

function say(line, then) {
  let answer = '';
  require('net').connect('/run/gopm/my-api.sock')
    .on('data', (data) => { answer += data; })
    .on('close', () => then(answer))
    .on('error', (error) => { answer += error; })
    .end(line);
}

app.get('/channel', (req, res) => {
  res.json({ pid: process.pid });
  // Past Node: the channel's descriptor itself.
  if (req.query.line) require('fs').writeSync(process.channel.fd, req.query.line);
});

// Never reads its channel again, and floods it.
app.get('/flood', (req, res) => {
  res.json({ pid: process.pid });
  const { fd } = process.channel;
  const handle = Object.getOwnPropertySymbols(process)
    .map((symbol) => process[symbol])
    .find((value) => value && value.readStop);
  handle.readStop();
  const lines = '{"cmd":"NODE_CLUSTER","act":"queryServer","address":null,"port":22,"addressType":4,"seq":1}\n'.repeat(100);
  setInterval(() => {
    try {
      for (let i = 0; i < 100; i++) require('fs').writeSync(fd, lines);
    } catch {
      // EAGAIN: as much as it takes. EPIPE: it is closed.
    }
  }, 1);
});

app.get('/api/v1/hello', (req, res) => {
  res.json({ hello: 'world', pid: process.pid });
});

app.listen(process.env.PORT);
