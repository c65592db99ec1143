'use strict'
exports.createRequire = name => host.createRequire(String(name && name.href ? name.href : name))
exports.builtinModules = host.names.filter(name => !name.startsWith('dotenv'))
exports.isBuiltin = name => exports.builtinModules.includes(String(name).replace(/^node:/, ''))
exports.register = () => {}
exports.Module = exports
exports._extensions = {}
exports._load = name => host.refuse('ERR_ACCESS_DENIED', 'Module._load() is not there while the file is read', host.letNode)
