'use strict'
exports.setTimeout = host.setTimeout
exports.setInterval = host.setInterval
exports.setImmediate = host.setImmediate
exports.clearTimeout = exports.clearInterval = exports.clearImmediate = host.clear
