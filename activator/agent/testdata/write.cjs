'use strict';

// Writes in each way there is, then tells what it sees of the variables.

console.log('one line');
console.log('two\nlines');
console.error('%s and %d', 'formatted', 1);
process.stdout.write(Buffer.from('bytes\n'));
process.stdout.write('aGV4Cg==', 'base64');
process.stdout.write('text\n', 'utf8', () => {
  const variables = Object.keys(process.env).filter((name) => name.startsWith('GOPM_'));
  process.send?.({ variables }, () => process.disconnect());
});
