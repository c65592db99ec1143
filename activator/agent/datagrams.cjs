'use strict';

// UDP sockets in a drain. All workers of a cluster read from one socket, so one
// that leaves only stops reading: what is queued is for the others. Its copy
// stays open, and the app can still answer what it has read. Whether it owes an
// answer nobody can tell; it has ANSWER ms for it.
//
// A socket of the worker's own goes on: it may be how the app asks for what its
// other answers need.

const diagnostics = require('diagnostics_channel');

const ANSWER = 1000; // ms

// Held here: a channel that nobody holds is collected, with its subscribers.
const created = diagnostics.channel('udp.socket');

const sockets = new Set(); // bound, not closed

let stopped = false;

/** Keeps account of the app's UDP sockets. */
function install() {
  created.subscribe(({ socket }) => {
    socket.once('listening', () => {
      sockets.add(socket);
      if (stopped) stopReading(socket);
    });
    socket.once('close', () => sockets.delete(socket));
  });
}

/** Stops reading, and calls done when answers had their time; false where there is nothing to wait for. */
function drain(done) {
  stopped = true;
  const stoppedSome = [...sockets].map(stopReading).includes(true);
  if (stoppedSome) setTimeout(done, ANSWER).unref();
  return stoppedSome;
}

/**
 * dgram has no way to pause; its handle does. Node's cluster module gives the
 * handles that it shares a close() of their own (lib/internal/cluster/child.js).
 */
function stopReading(socket) {
  const state = Object.getOwnPropertySymbols(socket).find((s) => s.description === 'state symbol');
  const handle = socket[state]?.handle;
  if (!handle || !Object.prototype.hasOwnProperty.call(handle, 'close')) return false;
  handle.recvStop();
  return true;
}

module.exports = { install, drain };
