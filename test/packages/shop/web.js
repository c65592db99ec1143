'use strict';

const answer = JSON.stringify({ version: '1.0.0', key: process.env.API_KEY });
require('http').createServer((req, res) => res.end(answer)).listen(process.env.PORT);
