// A module of Node that reaches out of the file. Packages may load it; using it
// is refused.
'use strict'

function refused (name) {
  const refuse = () => host.refuse('ERR_ACCESS_DENIED', name + ' is not there while the file is read', 'write the value into the file, or ' + host.letNode)
  return new Proxy(function () {}, {
    get (target, key) {
      if (typeof key === 'symbol' || key === '__esModule' || key === 'then') return undefined
      if (key === 'prototype' || Object.hasOwn(target, key)) return target[key]
      return refused(name + '.' + key)
    },
    apply: refuse,
    construct: refuse
  })
}
module.exports = refused(host.name)
