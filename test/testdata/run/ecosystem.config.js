// One app for each thing that gopm run does in place of systemd.
const node = { cwd: __dirname };
module.exports = {
  apps: [
    { ...node, name: 'web', script: 'web.js', env: { PORT: process.env.WEB_PORT }, watch: [process.env.WATCHED] },
    { ...node, name: 'tick', script: 'tick.js', autorestart: false, cron_restart: '* * * * * *', env_production: { WORD: 'in production' } },
    { ...node, name: 'polite', script: 'polite.js', wait_ready: true, shutdown_with_message: true },
    { ...node, name: 'loop', script: 'loop.js', max_restarts: 3, restart_delay: 100 },
    { ...node, name: 'final', script: 'final.js', stop_exit_codes: [7] },
    { ...node, name: 'off', script: 'loop.js', autostart: false },
  ],
};
