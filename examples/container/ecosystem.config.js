module.exports = {
  apps: [{
    name: 'my-api',
    script: './src/index.js',
    exec_mode: 'cluster',
    instances: process.env.WEB_CONCURRENCY || 'max',
    env: { NODE_ENV: 'production', PORT: 3000 },
    max_memory_restart: '300M',
    // Nothing to write to: what the app prints is the container's log.
  }]
};
