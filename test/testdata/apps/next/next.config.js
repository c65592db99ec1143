module.exports = { outputFileTracingRoot: __dirname + '/..', turbopack: { root: __dirname + '/..' } };
