// The example, and an app of each kind that it is not.
const { apps } = require('./example.config.js');
module.exports = {
  apps: [
    ...apps,
    { name: 'plain', script: './plain.sh', interpreter: '/bin/sh', instances: 2, out_file: '/tmp/plain/out.log' },
    { name: 'stuck', script: './stuck.js', env: { PORT: 3001 }, kill_timeout: 200, gopm: { drain_timeout: 500 } },
    { name: 'talk', script: './talk.js', exec_mode: 'cluster', instances: 2 },
  ],
};
