'use strict';

console.log('the tables are\nas they should be');
