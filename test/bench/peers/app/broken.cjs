'use strict';

// A release that throws at start.

throw new Error('no such database');
