// Node's assert module.
'use strict'
const { inspect, isDeepStrictEqual } = require('util')

class AssertionError extends Error {
  constructor ({ message, actual, expected, operator }) {
    super(message)
    Object.assign(this, { name: 'AssertionError', code: 'ERR_ASSERTION', actual, expected, operator })
  }
}

function fail (message, actual, expected, operator) {
  if (message instanceof Error) throw message
  throw new AssertionError({ message, actual, expected, operator })
}

function assert (value, message) { if (!value) fail(message || 'the expression is ' + inspect(value), value, true, '==') }

const compare = (operator, good) => (actual, expected, message) => {
  if (!good(actual, expected)) fail(message || inspect(actual) + ' is not ' + operator + ' ' + inspect(expected), actual, expected, operator)
}

Object.assign(assert, {
  AssertionError,
  ok: (value, message) => assert(value, message),
  // eslint-disable-next-line eqeqeq
  equal: compare('==', (a, b) => a == b),
  // eslint-disable-next-line eqeqeq
  notEqual: compare('!=', (a, b) => a != b),
  strictEqual: compare('===', Object.is),
  notStrictEqual: compare('!==', (a, b) => !Object.is(a, b)),
  deepEqual: compare('deeply', isDeepStrictEqual),
  deepStrictEqual: compare('deeply', isDeepStrictEqual),
  notDeepStrictEqual: compare('not deeply', (a, b) => !isDeepStrictEqual(a, b)),
  match: compare('like', (text, pattern) => pattern.test(text)),
  doesNotMatch: compare('unlike', (text, pattern) => !pattern.test(text)),
  fail: (message = 'Failed') => fail(message),
  ifError: err => { if (err !== null && err !== undefined) throw err },
  throws: f => { try { f() } catch { return } fail('Missing expected exception.') },
  doesNotThrow: f => { f() }
})
assert.strict = assert
module.exports = assert
