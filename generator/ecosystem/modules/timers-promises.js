'use strict'
exports.setTimeout = (ms, value) => new Promise(resolve => setTimeout(resolve, ms, value))
exports.setImmediate = value => new Promise(resolve => setImmediate(resolve, value))
exports.scheduler = { wait: exports.setTimeout, yield: exports.setImmediate }
