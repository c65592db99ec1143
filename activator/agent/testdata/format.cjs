'use strict';

// Formats a time, as milliseconds since 1970, in each of the formats given.

const { formatDate } = require('../dates.cjs');

const [time, ...formats] = process.argv.slice(2);
for (const format of formats) console.log(formatDate(new Date(Number(time)), format));
