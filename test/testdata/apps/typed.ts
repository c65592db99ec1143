import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

type Hello = { pid: number };

createServer((request: IncomingMessage, response: ServerResponse): void => {
  const hello: Hello = { pid: process.pid };
  response.end(JSON.stringify(hello));
}).listen(process.env.PORT);
