'use strict';

setInterval(() => {}, 60000);
