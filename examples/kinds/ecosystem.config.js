// Ten kinds of apps in one file, and what gopm makes of each:
//   gopm-gen --dry-run examples/kinds/ecosystem.config.js
module.exports = {
  apps: [
    // Two workers share a port; `systemctl reload web.target` loses no request.
    { name: 'web', script: 'server.js', exec_mode: 'cluster', instances: 2, port: 3000 },

    // One process, started again unless it exits with 3. What looks like a
    // secret goes to a file that only root reads, and not into the unit.
    {
      name: 'api',
      script: 'server.js',
      exec_mode: 'fork',
      stop_exit_codes: [3],
      env_file: 'api.env',
      env: { PORT: 3001, GREETING: 'good\nmorning', API_TOKEN: 'correct horse "battery" $staple' },
    },

    // A job: it ends, and a timer starts it again, here every second.
    { name: 'report', script: 'report.js', exec_mode: 'fork', autorestart: false, cron_restart: '* * * * * *', time: true },

    // It runs once, and its output is a file with a JSON object for each line.
    { name: 'migrate', script: 'migrate.js', exec_mode: 'fork', autorestart: false, log_type: 'json', out_file: 'logs/migrate.log' },

    // Python, by its name.
    { name: 'model', script: 'model.py', args: ['--port', '3004'] },

    // A program: go build -o hello/hello hello/main.go
    { name: 'hello', script: 'hello/hello', interpreter: 'none', args: '-listen 127.0.0.1:3005' },

    // Two processes, on 3006 and 3007.
    { name: 'shard', script: 'server.js', exec_mode: 'fork', instances: 2, increment_var: 'PORT', env: { PORT: 3006 } },

    // A change in page/ starts it again.
    { name: 'dev', script: 'page/server.js', exec_mode: 'fork', watch: ['page'], watch_delay: 100, env: { PORT: 3008 } },

    // Two apps of a namespace: `systemctl stop shop.target` stops both.
    { name: 'cart', namespace: 'shop', script: 'server.js', exec_mode: 'fork', env: { PORT: 3009 } },
    // This one is started again when it takes too much memory.
    { name: 'search', namespace: 'shop', script: 'server.js', exec_mode: 'fork', max_memory_restart: '150M', env: { PORT: 3010 } },

    // It says itself when it is ready, and is told to shut down by a message.
    { name: 'queue', script: 'queue.js', exec_mode: 'fork', wait_ready: true, listen_timeout: 10000, shutdown_with_message: true, env: { PORT: 3011 } },
  ],
};
