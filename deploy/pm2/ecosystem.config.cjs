// For PM2: `pm2 start deploy/pm2/ecosystem.config.cjs --only email-worker`. See README.md.
'use strict';

const path = require('node:path');

// Taken from the shell that runs pm2.
const {
  REDISPATCH_BIN = '/usr/local/bin', // the programs
  REDISPATCH_DIR = process.cwd(), // where they run: a .env there is read by them
  REDISPATCH_LOGS = path.join(REDISPATCH_DIR, 'logs'),
  SHUTDOWN_TIMEOUT_MS = '25000', // set it here rather than in .env: kill_timeout has to be longer
  EMAIL_WORKERS = '4',
  SMS_WORKERS = '2',
  WHATSAPP_WORKERS = '2',
} = process.env;

const app = (name, instances, program = name, args = '') => ({
  name,
  script: path.join(REDISPATCH_BIN, program),
  args,
  interpreter: 'none',
  exec_mode: 'fork',
  instances: Number(instances),
  cwd: REDISPATCH_DIR,

  // PM2 sends SIGINT: sends in flight end within the shutdown limit. After this time it kills.
  kill_timeout: Number(SHUTDOWN_TIMEOUT_MS) + 5000,
  treekill: false,

  // Unusable settings end a worker with 78: started again it would end the same way. (PM2 shows it as `waiting
  // restart` all the same; the log says what is wrong.) Whatever else ends it, it is started again after 1 s, later
  // 15 s: too rarely for PM2 to give it up by max_restarts.
  autorestart: true,
  stop_exit_codes: [78],
  exp_backoff_restart_delay: 1000,
  max_restarts: 16,

  // All instances write to one file, one JSON object a line, to stderr.
  error_file: path.join(REDISPATCH_LOGS, `${name}.log`),
  out_file: path.join(REDISPATCH_LOGS, `${name}.log`),
  merge_logs: true,
  vizion: false,

  // WORKER_ID stays the host's name: PM2 has no way to give each instance one that holds. The rest of a worker's id is
  // its own, and `queuectl workers` lists process ids as `pm2 ls` does.
  env: { LOG_FORMAT: 'json', SHUTDOWN_TIMEOUT_MS },
});

module.exports = {
  apps: [
    app('email-worker', EMAIL_WORKERS),
    app('sms-worker', SMS_WORKERS),
    app('whatsapp-worker', WHATSAPP_WORKERS),
    app('redispatch-api', 1, 'queuectl', 'serve'),
    // PM2 takes 0 for as many as there are cores.
  ].filter((one) => one.instances > 0),
};
