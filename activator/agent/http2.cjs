'use strict';

// The drain of HTTP/2, in the two steps of RFC 9113, section 6.8. A GOAWAY that
// names the highest stream there can be asks the client to begin no more; what
// it began before it read that is on its way, and is answered. A second GOAWAY
// names the last stream, and the connection ends when its streams have ended.
//
// Node has only the second step: after session.goaway(), whatever stream that
// names, and after session.close(), new streams are ignored. So the first one is
// written past the session. That can't be done with TLS, which ends the process
// when two write at once (CHECK(!current_write_) in src/crypto/crypto_tls.cc).
// There the second step comes when a stream has just begun: a client with one
// request at a time begins no other. Others are told which streams to send again.

const net = require('net');

const NO_ERROR = 0;
const REFUSED_STREAM = 7; // "not processed": a client may send it again, by section 8.7
const NOTICE = Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, NO_ERROR]);

// Times are in sweeps of drain.cjs, which count only while the event loop moves.

// For a client to begin its first stream, to answer, or to end its side of the
// connection. It may be out of reach.
const PATIENCE = 50;
// For one that was answered before to begin another.
const IDLE = 20;
// From one step to the next, for what overtakes: the answer to a PING, where it
// comes from another thread of the client than its streams; or close().
const GRACE = 10;

const sessions = new Map(); // session → {session, socket, sweeps, next}

let draining = false;
let began; // whoever wants to know of streams

/** Has callback(stream) called for each stream of a client's, of sessions from now on. */
function onStream(callback) {
  began = callback;
}

/** Counts a session of a server's, from its 'session' event to its end. */
function meet(session) {
  if (typeof session?.goaway !== 'function') return; // another server's event of that name
  // A proxy on which one may not write; once() returns what is behind it.
  const socket = session.socket.once('close', () => sessions.delete(session));
  const state = { session, socket, sweeps: 0, next: undefined };
  sessions.set(session, state);
  if (began) session.on('stream', began);
  if (draining) begin(state);
}

function drain() {
  draining = true;
  sessions.forEach(begin);
}

/** Takes the next step with each session whose time for the last one is over. */
function sweep() {
  for (const state of sessions.values()) {
    state.sweeps -= 1;
    if (state.sweeps <= 0) (isClosed(state.session) ? end : state.next)(state);
  }
}

function wait(state, sweeps, next) {
  state.sweeps = sweeps;
  state.next = next;
}

function begin(state) {
  const { session, socket } = state;
  if (isClosed(session)) {
    wait(state, PATIENCE, end);
    return;
  }
  const isPlain = Object.getPrototypeOf(socket) === net.Socket.prototype;
  const wasUsed = session.state.lastProcStreamID > 0;
  if (isPlain && wasUsed) {
    announce(state);
    return;
  }
  const next = isPlain ? announce : nameLast;
  wait(state, wasUsed ? IDLE : PATIENCE, next);
  session.once('stream', () => {
    if (state.next === next) next(state);
  });
}

function announce(state) {
  // Between two frames: Node writes whole ones.
  if (state.socket.writable) state.socket.write(NOTICE);
  wait(state, PATIENCE, nameLast);
  // The client reads it after the notice.
  state.session.ping((error) => {
    if (!error && state.next === nameLast) wait(state, GRACE, nameLast);
  });
}

function nameLast(state) {
  const { session } = state;
  wait(state, GRACE, end);
  session.goaway(NO_ERROR);
  // It names the last one now and is sent later. What is read in between would
  // be done twice if the app saw it.
  session.removeAllListeners('stream');
  session.on('stream', (stream) => stream.close(REFUSED_STREAM));
}

/** Tells whether the session needs no more GOAWAY: the app has closed it, say. */
function isClosed(session) {
  return session.closed || session.destroyed;
}

/**
 * For a client that doesn't end the connection when its streams have ended. Not
 * at once: close() of Node 18 may cut the end of a stream (nodejs/node#57808).
 */
function end(state) {
  wait(state, PATIENCE, end);
  if (state.session.destroyed) state.socket.destroySoon();
  else state.session.close();
}

module.exports = { meet, drain, sweep, onStream };
