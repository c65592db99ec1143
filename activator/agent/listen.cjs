'use strict';

// In fork mode: listen() takes over the listeners of the app's socket units.
// gopm-activator exec hands them on, some descriptors of each:
//
//   GOPM_LISTEN={"[::]:3000":[6,9,10,11],"/run/my-api/http.sock":[7,12,13,14]}
//
//   agent → activator  {"cmd":"NODE_GOPM","act":"listening"}
//   agent → activator  {"cmd":"NODE_GOPM","act":"listener","key":"[::]:3000"}
//   activator → agent  the same again, and one more descriptor
//
// However an app calls listen(), Node comes to one of two functions with an
// address that was looked up: net.Server.prototype._listen2 (lib/net.js has
// called it so since Node 0.6), or for a cluster of the app's own that does not
// deal out connections net._createServerHandle (lib/internal/cluster/shared_handle.js).

const net = require('net');
const os = require('os');
const path = require('path');

// How a listener relates to what an app asks for; the greatest is the best.
const OTHER = 0; // it is another one
const NARROWER = 1; // the app asks for one address, the listener has all: never widened
const WIDER = 2; // the app asks for any address; the socket unit says which that is
const SAME = 3;

const createServerHandle = net._createServerHandle;

/** A listener of a socket unit, and what there is of it in this process. */
class Listener {
  constructor(key, fds, tell) {
    this.key = key; // as the activator calls it
    this.path = key.startsWith('/') ? plainPath(key) : undefined;
    const [, address, port] = key.match(/^\[?([^\]]*)\]?:(\d+)$/) ?? [];
    this.address = address;
    this.port = Number(port);
    this.fds = fds;
    this.handles = []; // of descriptors that were asked for later
    this.taken = false;
    this.tell = tell;
  }

  /** A handle that is the caller's, undefined where a server has one already. */
  take() {
    if (this.taken) return undefined;
    const handle = this.handles.pop() ?? this.open();
    if (!handle) return undefined;
    this.taken = true;
    const { close } = handle;
    handle.close = (...args) => {
      this.taken = false;
      return close.apply(handle, args);
    };
    this.tell('listening');
    this.tell('listener', this.key); // this one ends with server.close()
    return handle;
  }

  open() {
    const fd = this.fds.pop();
    const handle = fd && createServerHandle(null, null, null, fd);
    return typeof handle === 'object' ? handle : undefined; // else a negative errno(3)
  }

  relation(address, port, addressType) {
    if (this.path) return addressType === -1 && this.path === plainPath(address) ? SAME : OTHER;
    if (port !== this.port) return OTHER;
    const wanted = plainAddress(address ?? '::');
    if (wanted === this.address) return SAME;
    if (isAny(wanted)) return WIDER;
    return isAny(this.address) ? NARROWER : OTHER;
  }
}

function isAny(address) {
  return address === '::' || address === '0.0.0.0';
}

/** An address can be written in several ways. */
function plainAddress(address) {
  const family = { 4: 'ipv4', 6: 'ipv6' }[net.isIP(address)];
  return family && !address.includes('%') ? new net.SocketAddress({ address, family }).address : address;
}

/** As systemd has it, to which /var/run is /run. */
function plainPath(name) {
  return path.resolve(name).replace(/^\/var\/run\//, '/run/');
}

/** Gives the app the listeners that it inherits, and hides them from its children. */
function install(process, drain) {
  // Bound now: apps and their libraries replace process.send. Without a callback
  // an error, such as a closed channel, would be the app's.
  const send = process.send.bind(process);
  const tell = (act, key) => send({ cmd: 'NODE_GOPM', act, key }, () => {});

  const inherited = JSON.parse(process.env.GOPM_LISTEN);
  delete process.env.GOPM_LISTEN;
  const listeners = Object.entries(inherited).map(([key, fds]) => new Listener(key, fds, tell));

  process.on('internalMessage', ({ cmd, act, key }, handle) => {
    if (cmd !== 'NODE_GOPM' || act !== 'listener') return;
    listeners.find((l) => l.key === key)?.handles.push(handle);
  });
  drain.connect(process);
  replaceListen(listeners, drain);
}

function replaceListen(listeners, drain) {
  function find(...wanted) {
    const found = listeners.map((listener) => ({ listener, relation: listener.relation(...wanted) }));
    return found.sort((a, b) => b.relation - a.relation)[0];
  }

  const { _listen2 } = net.Server.prototype;
  net.Server.prototype._listen2 = function (address, port, addressType, ...rest) {
    const { listener, relation } = find(address, port, addressType);
    const handle = relation === OTHER ? undefined : listener.take();
    if (handle) {
      this._handle = handle;
      drain.watch(this);
    }
    _listen2.call(this, address, port, addressType, ...rest);
    if (handle && relation === NARROWER) narrow(this, listener, address, port);
  };

  net._createServerHandle = function (address, port, addressType, ...rest) {
    const { listener, relation } = find(address, port, addressType);
    if (relation === NARROWER) return -os.constants.errno.EADDRNOTAVAIL;
    const handle = relation === OTHER ? undefined : listener.take();
    return handle ?? createServerHandle(address, port, addressType, ...rest);
  };
}

/**
 * Has a server that asked for one address see callers of that one only. The
 * others, which the socket unit lets in, are hung up on.
 */
function narrow(server, listener, address, port) {
  const handle = server._handle;
  if (!handle) return; // it could not listen
  const { onconnection } = handle;
  handle.onconnection = function (status, connection) {
    if (connection && calledAddress(connection) !== plainAddress(address)) connection.close();
    else onconnection.call(this, status, connection);
  };
  const family = net.isIPv6(address) ? 'IPv6' : 'IPv4';
  server.address = () => (server._handle ? { address, family, port } : null);
  const wanted = family === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
  process.emitWarning(`the app listens on ${wanted} only, its socket unit on ${listener.key}: other callers are hung up on. `
    + `Better have them refused: gopm: { listen: '${wanted}' } in the ecosystem file, or ListenStream=${wanted} in the socket unit`, 'GopmWarning');
}

/** The address that a caller has called. A dual-stack listener shows IPv4's as ::ffff:127.0.0.1. */
function calledAddress(connection) {
  const name = {};
  connection.getsockname(name);
  return String(name.address).replace(/^::ffff:(?=\d+\.)/, '');
}

module.exports = { install };
