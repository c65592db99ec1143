'use strict';

console.log('the report is written');
