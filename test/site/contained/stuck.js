// Never answers, and once it was asked does not end when it is told to.
require('http').createServer(() => {
  process.on('SIGINT', () => {});
  console.log('stuck is asked');
}).listen(process.env.PORT);
