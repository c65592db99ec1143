'use strict';

// The drain of a worker that is about to be replaced. The activator sends it
// over the worker's channel when no new connection will come here:
//
//   activator → worker  {"cmd":"NODE_GOPM","act":"drain"}
//   worker → activator  {"cmd":"NODE_GOPM","act":"drained"}
//
// In between the worker stops accepting, says `Connection: close` in each
// answer, hangs up on connections that nobody uses, and waits for the others.
// http.Server.close() is not that: it cuts idle connections while a client may
// just be sending, and since Node 26.4 those that have not spoken yet
// (nodejs/node#63470); a client that keeps asking is served for ever. What is
// different with HTTP/2 is in http2.cjs.
//
// Until a drain begins this costs nothing per request.

const diagnostics = require('diagnostics_channel');
const net = require('net');
const path = require('path');

const datagrams = require('./datagrams.cjs');
const http2 = require('./http2.cjs');

const SWEEP = 100; // ms from one look at the open connections to the next

// How many sweeps without a byte make a connection unused. A client retries by
// itself when a connection that had answered it before was closed. It does not
// when a new one was, so who has not asked yet gets longer: the first segment
// may be lost on the way, and sent again, more than once.
const IDLE_SWEEPS = 20;
const SILENT_SWEEPS = 50;

const BACKLOG = 4096; // as the socket unit's: each listen(2) sets it anew

const turns = new Set(); // functions that give a turn back
const servers = new Set(); // asked to listen, not closed
const connections = new Set(); // of any server, not closed
const quiet = new WeakMap(); // connection → {bytes, sweeps}: unused for so long

let tell; // (act): a message to the activator
let all = false; // of the servers are watched, and not only some
let draining = false;
let drained = false;
let answersDatagrams = false;
let lastSweep;

/** Makes a worker's process ready to drain. */
function install(process) {
  connect(process);
  all = true;
  watchServers();
  datagrams.install();
}

/** Has the activator ask for a drain of the servers that are watched. */
function connect(process) {
  // Bound now: apps and their libraries replace process.send.
  const send = process.send.bind(process);
  // Without a callback an error, such as a closed channel, would be the app's.
  tell = (act, details) => send({ cmd: 'NODE_GOPM', act, ...details }, () => {});

  // Messages with a `cmd` of NODE_… never reach the app's 'message' handlers,
  // and a listener for them doesn't keep the process alive as those do.
  process.on('internalMessage', ({ cmd, act, key, seq }, handle) => {
    if (cmd !== 'NODE_GOPM') return;
    if (act === 'drain') drain();
    if (act === 'turn') takeTurn(key, seq, handle);
    if (act === 'ping') tell('pong'); // the event loop turns
  });
}

/** Node has no event for "a server began to listen": this wrap is one. */
function watchServers() {
  const original = net.Server.prototype.listen;
  net.Server.prototype.listen = function listen(...args) {
    const result = original.apply(this, args);
    watch(this);
    return result;
  };
}

/** Has a server take part in the drain. */
function watch(server) {
  if (servers.has(server)) return; // a second try after EADDRINUSE
  servers.add(server);
  server.on('connection', meet);
  server.on('secureConnection', meet); // where TLS is spoken, HTTP is spoken on this socket
  server.on('session', http2.meet);
  server.once('close', () => {
    servers.delete(server);
    server.off('connection', meet);
    server.off('secureConnection', meet);
    server.off('session', http2.meet);
  });
  if (draining) stopAccepting(server);
}

/**
 * Accepts one connection of a listener that the activator lends: a Unix socket,
 * which all workers share, or the queue of a worker that does not accept.
 *
 *   activator → worker  {"cmd":"NODE_GOPM","act":"turn","key":path or address,"seq":n} and the listener
 *   worker → activator  {"cmd":"NODE_GOPM","act":"took","seq":n,"accepted":true or false}
 */
function takeTurn(key, seq, listener) {
  const server = [...servers].find((s) => s.listening && isOn(s, key));
  const full = server?.maxConnections != null && server._connections >= server.maxConnections;
  const end = (accepted = false) => {
    turns.delete(end);
    listener.close(); // this copy: it ends the accepting, and nothing else
    tell('took', { seq, accepted });
  };
  turns.add(end);
  if (!server || full || draining) {
    end();
    return;
  }
  listener.onconnection = (status, connection) => {
    end(true);
    if (connection) server._handle.onconnection(status, connection);
  };
  listener.unref(); // the channel is what keeps a worker alive
  if (listener.listen(BACKLOG) !== 0) end();
}

function isOn(server, key) {
  const at = server.address();
  if (typeof at === 'string') return path.resolve(at).replace(/^\/var\/run\//, '/run/') === key;
  return key === (at.address.includes(':') ? `[${at.address}]:${at.port}` : `${at.address}:${at.port}`);
}

/** Counts a connection, from its first event to its last. */
function meet(socket) {
  if (connections.has(socket)) return;
  connections.add(socket);
  socket.on('close', forget); // it comes once; `once` costs more
}

function forget() {
  connections.delete(this);
  reportIfDrained();
}

function drain() {
  if (draining) {
    // Asked by another activator: the one that was told may be gone.
    if (drained) tell('drained');
    return;
  }
  draining = true;
  turns.forEach((end) => end());
  servers.forEach(stopAccepting);
  answersDatagrams = datagrams.drain(() => {
    answersDatagrams = false;
    reportIfDrained();
  });
  diagnostics.channel('http.server.request.start').subscribe(onRequest);
  http2.drain();
  for (const socket of connections) {
    if (owesAnswer(socket)) follow(socket, socket._httpMessage);
  }
  lastSweep = performance.now();
  setInterval(sweep, SWEEP).unref();
  reportIfDrained();
}

function reportIfDrained() {
  if (!draining || drained || answersDatagrams || connections.size > 0) return;
  drained = true;
  tell('drained');
}

/**
 * Gives up the listener and nothing else. To the app its server stays open (so
 * not net.Server.close(): a 'close' event now would have the app tear down what
 * its other server still needs, and its own server.close(), when SIGINT comes,
 * would fail with ERR_SERVER_NOT_RUNNING).
 */
function stopAccepting(server) {
  if (!server.listening) { // the answer to its listen() is on the way
    server.once('listening', () => stopAccepting(server));
    return;
  }
  const address = server.address();
  server.address = () => address; // it asks the handle, and throws when that is closed
  server._handle.close();
  server._handle.close = () => {}; // the activator has been told once
}

// --- answers -----------------------------------------------------------------

function onRequest({ socket, response }) {
  if (!all && !connections.has(socket) && !servers.has(socket.server)) return;
  meet(socket); // an app may hand a server connections from anywhere
  follow(socket, response);
}

/** Has an answer end its connection, if it isn't too late to say so in it. */
function follow(socket, response) {
  if (!response.headersSent) sayClose(response);
  response.once('close', () => {
    // Clients that were not told may be sending: the sweep gives them time. And
    // where requests came in a row (pipelining), all are answered.
    if (saysClose(response) && !owesAnswer(socket)) part(socket, response.req);
  });
}

/**
 * Sets the header where the app can't undo it: many that pass on another
 * server's answer, or events, send a `Connection: keep-alive` of their own.
 */
function sayClose(response) {
  const { writeHead } = response;
  response.writeHead = function (...args) {
    // Node refuses a second header, and 101 has a Connection: upgrade.
    if (this.headersSent || args[0] === 101) return writeHead.apply(this, args);
    const given = args.findIndex((arg) => typeof arg === 'object' && arg !== null);
    if (given < 0) this.setHeader('Connection', 'close');
    else args[given] = withClose(args[given]);
    const result = writeHead.apply(this, args);
    // The header has Node close the connection after this answer, whatever is
    // still unread or unanswered on it. Parting is ours.
    this._last = false;
    return result;
  };
}

/** Headers in each form that writeHead takes: a list of pairs, a flat list, an object. */
function withClose(headers) {
  if (!Array.isArray(headers)) {
    return { ...Object.fromEntries(withoutConnection(Object.entries(headers))), Connection: 'close' };
  }
  if (Array.isArray(headers[0])) return [...withoutConnection(headers), ['Connection', 'close']];
  return [...headers.filter((_, i) => !isConnection(headers[i - (i % 2)])), 'Connection', 'close'];
}

function withoutConnection(pairs) {
  return pairs.filter(([name]) => !isConnection(name));
}

function isConnection(name) {
  return String(name).toLowerCase() === 'connection';
}

function saysClose(response) {
  return /^connection: close$/im.test(response._header);
}

// --- connections -------------------------------------------------------------

/** Node keeps the answer that a connection waits for in this property. */
function owesAnswer(socket) {
  return Boolean(socket._httpMessage);
}

/**
 * Ends a connection after its last answer. A close() with received bytes unread
 * makes the kernel send a reset, which can overtake the answer; so if the app
 * answered without reading the whole upload, only our side ends, and Node goes
 * on discarding until the client is done or quiet.
 */
function part(socket, request) {
  if (request.complete) hangUp(socket);
  else socket.end();
}

/** Ends our side before the socket is closed: a client reads an end, not a reset. */
function hangUp(socket) {
  if (socket.destroySoon) socket.destroySoon();
  else socket.end(); // a Duplex of the app's
}

/** Hangs up on connections that were unused for a while. */
function sweep() {
  const now = performance.now();
  const late = now - lastSweep > 2 * SWEEP;
  lastSweep = now;
  // Late means that the event loop was blocked. What clients sent meanwhile has
  // not been read yet, so nothing is known about who was quiet.
  if (late) return;
  for (const socket of connections) {
    if (mayHangUp(socket) && quietSweeps(socket) >= patience(socket)) hangUp(socket);
  }
  http2.sweep();
}

/**
 * Only a connection that HTTP/1 is spoken on (it has a parser; one that was
 * upgraded, to a WebSocket say, has none any more), or whose client has yet to
 * begin with TLS. The others belong to the app.
 */
function mayHangUp(socket) {
  if (socket.parser) return true;
  return Boolean(socket.server?.setSecureContext) && socket.bytesRead === 0;
}

function patience(socket) {
  return socket.bytesRead === 0 ? SILENT_SWEEPS : IDLE_SWEEPS;
}

/** Counts this sweep; any byte, and an answer that is owed, starts again. */
function quietSweeps(socket) {
  const bytes = socket.bytesRead;
  const seen = quiet.get(socket);
  if (!seen || owesAnswer(socket) || seen.bytes !== bytes) {
    quiet.set(socket, { bytes, sweeps: 0 });
    return 0;
  }
  seen.sweeps += 1;
  return seen.sweeps;
}

/** The connections of servers that are watched; undefined where none is. */
function watched() {
  return all || servers.size > 0 ? connections : undefined;
}

module.exports = { install, connect, watch, watched, onStream: http2.onStream };
