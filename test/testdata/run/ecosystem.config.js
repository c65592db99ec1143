// One app for each thing that gopm run does in place of systemd. Those that have
// to be quick are no Node.
const here = { cwd: __dirname };
const shell = { cwd: __dirname, interpreter: '/bin/sh' };
module.exports = {
  apps: [
    { ...here, name: 'web', script: 'web.js', env: { PORT: process.env.WEB_PORT }, watch: [process.env.WATCHED] },
    { ...shell, name: 'tick', script: 'tick.sh', autorestart: false, cron_restart: '* * * * * *', env_production: { WORD: 'in production' } },
    { ...here, name: 'polite', script: 'polite.js', wait_ready: true, shutdown_with_message: true },
    { ...shell, name: 'loop', script: 'loop.sh', max_restarts: 3, restart_delay: 100 },
    { ...shell, name: 'final', script: 'final.sh', stop_exit_codes: [7] },
    { ...shell, name: 'off', script: 'loop.sh', autostart: false },
  ],
};
