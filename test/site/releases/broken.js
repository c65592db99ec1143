'use strict';

throw new Error('this release is broken');
