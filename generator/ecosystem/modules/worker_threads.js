'use strict'
exports.isMainThread = true
exports.parentPort = null
exports.workerData = null
exports.threadId = 0
exports.Worker = function () { host.refuse('ERR_ACCESS_DENIED', 'new Worker() starts a thread, which a file cannot while it is read', 'leave it out, or ' + host.letNode) }
