'use strict';

// Prints which of the agent's files are loaded.

const path = require('path');

console.log(JSON.stringify(Object.keys(require.cache)
  .filter((file) => path.dirname(file) === path.dirname(__dirname))
  .map((file) => path.basename(file))
  .sort()));
