'use strict';

// Preloaded before the agent: tells which timers there are, and lets their time be over.

const perf = require('perf_hooks');

const live = new Map(); // timer → callback

for (const [set, clear] of [['setTimeout', 'clearTimeout'], ['setInterval', 'clearInterval'], ['setImmediate', 'clearImmediate']]) {
  const { [set]: original, [clear]: originalClear } = globalThis;
  globalThis[set] = (callback, ...args) => {
    const timer = original(callback, ...args);
    live.set(timer, callback);
    return timer;
  };
  globalThis[clear] = (timer) => {
    live.delete(timer);
    originalClear(timer);
  };
}

const { monitorEventLoopDelay } = perf;
perf.monitorEventLoopDelay = (options) => {
  const histogram = monitorEventLoopDelay(options);
  return new Proxy(histogram, {
    get(of, name) {
      if (name === 'enable') live.set(histogram);
      if (name === 'disable') live.delete(histogram);
      return typeof of[name] === 'function' ? of[name].bind(of) : of[name];
    },
  });
};

process.on('message', (what) => {
  if (what === 'timers') process.send(`${live.size} timers`);
  if (what !== 'time passes') return;
  for (const [timer, callback] of live) {
    if (!callback) continue;
    clearTimeout(timer);
    callback();
  }
});
