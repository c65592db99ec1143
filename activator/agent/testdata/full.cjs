'use strict';

// Logs in every way, again and again, and tells that it lives.
let rounds = 0;
const timer = setInterval(() => {
  console.log('out');
  console.error('err');
  process.stdout.write('raw\n');
  process.stderr.write('raw\n');
  if (++rounds === 3) {
    clearInterval(timer);
    process.send('alive');
  }
}, 10);
