'use strict';

const Koa = require('koa');

const app = new Koa();
app.use((context) => { context.body = { pid: process.pid }; });
const server = app.listen(process.env.PORT);
// As Koa's users do it: the server is closed by the app.
process.on('SIGINT', () => server.close((error) => process.exit(error ? 1 : 0)));
