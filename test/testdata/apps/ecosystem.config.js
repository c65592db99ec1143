'use strict';

const cluster = (name, port, app) => ({
  name, exec_mode: 'cluster', instances: 2, env: { NODE_ENV: 'production', PORT: port }, ...app,
});

module.exports = {
  apps: [
    cluster('express', 4001, { script: 'express.js' }),
    cluster('fastify', 4002, { script: 'fastify.js' }),
    cluster('koa', 4003, { script: 'koa.js' }),
    cluster('nest', 4004, { script: 'nest.mjs' }),
    cluster('next', 4005, { script: '../node_modules/next/dist/bin/next', args: 'start', cwd: 'next' }),
    cluster('stripped', 4006, { script: 'typed.ts', interpreter: 'node' }),
    cluster('tsx', 4007, { script: 'typed.ts', interpreter: 'node', node_args: '--import tsx' }),
    cluster('ts-node', 4008, { script: 'typed.ts', interpreter: 'node', node_args: '-r ts-node/register/transpile-only' }),
    cluster('grpc', 4009, { script: 'grpc.js' }),
    cluster('ws', 4010, { script: 'ws.js', shutdown_with_message: true, gopm: { drain_timeout: 2000 } }),
    cluster('socketio', 4011, { script: 'socketio.js', gopm: { drain_timeout: 2000 } }),
  ],
};
