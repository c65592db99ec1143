'use strict';

const app = require('fastify')();

app.get('/api/v1/hello', async () => ({ pid: process.pid }));
app.listen({ port: Number(process.env.PORT), host: '0.0.0.0' });
