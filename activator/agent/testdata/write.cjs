'use strict';

// Writes in each way there is, then tells what it sees of the variable.

console.log('one line');
console.log('two\nlines');
console.error('%s and %d', 'formatted', 1);
process.stdout.write(Buffer.from('bytes\n'));
process.stdout.write('aGV4Cg==', 'base64');
process.stdout.write('text\n', 'utf8', () => {
  process.send({ variable: process.env.GOPM_LOG_DATE_FORMAT ?? null }, () => process.disconnect());
});
