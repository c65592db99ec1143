'use strict'
exports.isMaster = exports.isPrimary = true
exports.isWorker = false
exports.workers = {}
exports.fork = () => host.refuse('ERR_ACCESS_DENIED', 'cluster.fork() starts a process, which a file cannot while it is read', 'write instances: "max" into the app')
