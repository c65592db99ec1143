import http, { createServer } from 'node:http';
import net from 'node:net';

// Two kinds of servers, both imported.
createServer((req, res) => res.end('hello')).listen(0);
new http.Server((req, res) => res.end('hello')).listen(0);

// A protocol in which the server speaks first and clients may be silent.
net.createServer((socket) => {
  socket.write('220 hello\n');
  socket.on('data', (data) => socket.write(data));
  process.send('connection');
}).listen(0);
