'use strict';

const fs = require('fs');
const https = require('https');

const key = fs.readFileSync('/srv/my-api/key.pem');
const cert = fs.readFileSync('/srv/my-api/cert.pem');

https.createServer({ key, cert }, (req, res) => {
  res.end(JSON.stringify({ hello: 'world', pid: process.pid }));
}).listen(process.env.PORT);
