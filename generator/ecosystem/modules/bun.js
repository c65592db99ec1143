// Of Bun's own module its copy of process.env; the rest needs Bun.
'use strict'
module.exports = new Proxy({ env: process.env }, {
  get (target, key) {
    if (typeof key === 'symbol' || key in target || key === '__esModule' || key === 'then') return target[key]
    return () => host.refuse('ERR_ACCESS_DENIED', 'bun.' + key + '() is not there while the file is read', 'write the value into the file')
  },
  has: () => true
})
