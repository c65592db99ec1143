process.on('message', (message) => {
  console.log('told', message);
  process.exit();
});
setTimeout(() => process.send('ready'), 100);
setInterval(() => {}, 1000);
