'use strict';

// Tells PM2 what it can, and answers with what it was told: /told. /env has
// PM2's variables, and /block keeps this worker from reading for 8 s.

const http = require('http');

const told = [];

process.on('message', (message) => told.push(message));

const say = (type, data) => process.send({ type, data });

say('axm:monitor', { 'Heap Size': { historic: true, type: 'internal/v8/heap/total', unit: 'MiB', value: '44.1', agg_type: 'avg' } });
say('axm:monitor', { Users: { value: 7 } });
say('axm:action', { action_name: 'km:heapdump', action_type: 'internal' });
say('axm:option:configuration', { module_version: '1.0' });
say('process:exception', { message: 'first' });
say('process:exception', { message: 'second' });
process.send({ type: 'long', data: 'x'.repeat(1 << 20) });
process.send('hello');

http.createServer((req, res) => {
  if (req.url === '/block') {
    for (const end = Date.now() + 8000; Date.now() < end;);
  }
  const { pm_id, name, NODE_APP_INSTANCE: instance } = process.env;
  res.end(JSON.stringify({ pid: process.pid, told, env: { pm_id, name, instance } }));
}).listen(3000);
