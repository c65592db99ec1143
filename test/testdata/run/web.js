require('http').createServer((req, res) => res.end(JSON.stringify({ pid: process.pid }))).listen(process.env.PORT, () => console.log('web listens'));
