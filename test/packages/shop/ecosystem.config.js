// What the example app is not: three apps, one with a secret, two in fork mode. The
// next version has another port, and no third app.
module.exports = {
  apps: [
    { name: 'shop-web', script: 'web.js', exec_mode: 'cluster', instances: 2, port: 4000, env: { API_KEY: 'open sesame' } },
    { name: 'shop-tick', script: 'tick.js' },
    { name: 'shop-old', script: 'tick.js' },
  ],
};
