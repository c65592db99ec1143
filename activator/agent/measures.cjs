'use strict';

// What a worker measures of itself, for whoever looks at it:
//
//   activator → worker  {"cmd":"NODE_GOPM","act":"measure"}
//   worker → activator  {"cmd":"NODE_GOPM","act":"measured","measures":{…}}
//
// Always, requests are counted; the clock is read for every MARK_EVERYth of them.
// What costs more, how late the event loop is and how long answers take, is
// measured for WATCH after each question. There is no timer before the first.

const diagnostics = require('diagnostics_channel');
const { monitorEventLoopDelay, performance } = require('perf_hooks');

const WATCH = 30000; // ms

// The rate is that of RATE_WINDOW or more, up to now, from one of the marks. They
// are MARK_GAP apart, or more, so that all of them reach further back.
const MARK_EVERY = 32; // requests, a power of two
const MARK_GAP = 1000; // ms
const MARKS = 16;
const RATE_WINDOW = 10000; // ms

// Latencies are of at most so many answers, the last of LATENCY_WINDOW.
const LATENCIES = 1024;
const LATENCY_WINDOW = 10000; // ms

const DELAY_RESOLUTION = 20; // ms
const DELAY_WINDOW = 5000; // ms: how old a histogram gets before it begins anew

// Held here: a channel that nobody holds is collected, with its subscribers.
const began = diagnostics.channel('http.server.request.start');
const ended = diagnostics.channel('http.server.response.finish');

const BEGAN = Symbol('gopm began'); // of a response that is watched: when, in ms

const marks = []; // {at, requests}, the oldest first
let requests = 0;
let streams = 0; // of HTTP/2, that are open

let latencies; // while it is watched: {at, took} in a ring
let delay; // while it is watched: {histogram, since, utilization}
let timer;

/** Measures from now on; what is open the drain knows. */
function install(process, { watched, onStream }) {
  mark();
  began.subscribe(begin);
  onStream(beginStream);
  // Bound now: apps and their libraries replace process.send. Without a callback
  // an error, such as a closed channel, would be the app's.
  const send = process.send.bind(process);
  process.on('internalMessage', ({ cmd, act }) => {
    if (cmd !== 'NODE_GOPM' || act !== 'measure') return;
    const measures = measure(watched());
    watch();
    send({ cmd: 'NODE_GOPM', act: 'measured', measures }, () => {});
  });
}

// --- requests ----------------------------------------------------------------

function begin({ response }) {
  count();
  if (latencies) response[BEGAN] = performance.now();
}

/** An HTTP/2 stream of a client's; Node has no channel for them before 24. */
function beginStream(stream) {
  count();
  streams += 1;
  const at = latencies && performance.now();
  stream.once('close', () => {
    streams -= 1;
    if (at) keepLatency(at);
  });
}

function count() {
  requests += 1;
  if ((requests & (MARK_EVERY - 1)) === 0) mark();
}

function mark() {
  const at = performance.now();
  if (marks.length > 0 && at - marks[marks.length - 1].at < MARK_GAP) return;
  marks.push({ at, requests });
  if (marks.length > MARKS) marks.shift();
}

/** Requests in a second, from the youngest mark that is old enough, or the oldest. */
function rate(now) {
  let from = marks[0];
  for (const m of marks) if (now - m.at >= RATE_WINDOW) from = m;
  return ((requests - from.requests) / Math.max(now - from.at, 1)) * 1000;
}

function finish({ response }) {
  if (response[BEGAN]) keepLatency(response[BEGAN]);
}

function keepLatency(began) {
  const at = performance.now();
  if (!latencies) return;
  latencies.ring[latencies.next] = { at, took: at - began };
  latencies.next = (latencies.next + 1) % LATENCIES;
}

/** The mean and the 95th percentile in ms; undefined where nothing was answered. */
function latency(now) {
  const took = [];
  for (const l of latencies?.ring ?? []) if (now - l.at < LATENCY_WINDOW) took.push(l.took);
  if (took.length === 0) return undefined;
  took.sort((a, b) => a - b);
  return {
    mean: took.reduce((sum, t) => sum + t, 0) / took.length,
    p95: took[Math.ceil(took.length * 0.95) - 1],
  };
}

// --- the event loop ----------------------------------------------------------

/** How late it is, in ms, and which part of the time it works. */
function loop(now) {
  if (!delay || delay.histogram.count === 0) return {};
  const { histogram, since, utilization } = delay;
  const late = (ns) => Math.max(ns / 1e6 - DELAY_RESOLUTION, 0); // it is from one tick to the next
  const measured = {
    event_loop_delay_ms: {
      mean: late(histogram.mean), p99: late(histogram.percentile(99)), max: late(histogram.max),
    },
    event_loop_utilization: performance.eventLoopUtilization(utilization).utilization,
  };
  if (now - since >= DELAY_WINDOW) {
    histogram.reset();
    delay.since = now;
    delay.utilization = performance.eventLoopUtilization();
  }
  return measured;
}

// --- watching ----------------------------------------------------------------

function watch() {
  if (timer) {
    timer.refresh();
    return;
  }
  latencies = { ring: [], next: 0 };
  ended.subscribe(finish);
  const histogram = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION });
  histogram.enable();
  delay = { histogram, since: performance.now(), utilization: performance.eventLoopUtilization() };
  timer = setTimeout(unwatch, WATCH).unref();
}

function unwatch() {
  timer = undefined;
  ended.unsubscribe(finish);
  latencies = undefined;
  delay.histogram.disable();
  delay = undefined;
}

/** The names are those of control.Measures. */
function measure(connections) {
  const now = performance.now();
  const { heapUsed, heapTotal, external } = process.memoryUsage();
  return {
    heap_used: heapUsed,
    heap_total: heapTotal,
    external,
    requests,
    requests_per_second: rate(now),
    ...occupancy(connections),
    latency_ms: latency(now),
    ...loop(now),
  };
}

/** Who is connected, and how many of these wait for an answer. */
function occupancy(connections) {
  if (!connections) return {};
  // What TLS is spoken over is a connection of its own to Node.
  const carriers = new Set();
  for (const socket of connections) if (socket._parent) carriers.add(socket._parent);
  let active = streams;
  for (const socket of connections) if (socket._httpMessage) active += 1;
  return { connections: connections.size - carriers.size, active_requests: active };
}

module.exports = { install };
