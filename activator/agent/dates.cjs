'use strict';

// A time in the format of `log_date_format`.

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January', 'February', 'March', 'April', 'May', 'June',
  'July', 'August', 'September', 'October', 'November', 'December',
];

// The tokens of day.js, which PM2 formats with: https://day.js.org/docs/en/display/format
const TOKENS = {
  YYYY: (t) => pad(t.getFullYear(), 4),
  YY: (t) => pad(t.getFullYear() % 100, 2),
  MMMM: (t) => MONTHS[t.getMonth()],
  MMM: (t) => MONTHS[t.getMonth()].slice(0, 3),
  MM: (t) => pad(t.getMonth() + 1, 2),
  M: (t) => String(t.getMonth() + 1),
  DD: (t) => pad(t.getDate(), 2),
  D: (t) => String(t.getDate()),
  dddd: (t) => WEEKDAYS[t.getDay()],
  ddd: (t) => WEEKDAYS[t.getDay()].slice(0, 3),
  dd: (t) => WEEKDAYS[t.getDay()].slice(0, 2),
  d: (t) => String(t.getDay()),
  HH: (t) => pad(t.getHours(), 2),
  H: (t) => String(t.getHours()),
  hh: (t) => pad(hour12(t), 2),
  h: (t) => String(hour12(t)),
  mm: (t) => pad(t.getMinutes(), 2),
  m: (t) => String(t.getMinutes()),
  ss: (t) => pad(t.getSeconds(), 2),
  s: (t) => String(t.getSeconds()),
  SSS: (t) => pad(t.getMilliseconds(), 3),
  ZZ: (t) => offset(t, ''),
  Z: (t) => offset(t, ':'),
  A: (t) => (t.getHours() < 12 ? 'AM' : 'PM'),
  a: (t) => (t.getHours() < 12 ? 'am' : 'pm'),
};

// [escaped] text, or a token: the longest first, as the table has them.
const PARTS = new RegExp(`\\[([^\\]]+)\\]|${Object.keys(TOKENS).join('|')}`, 'g');

/** The local time; whatever is neither a token nor in brackets stays as it is. */
function formatDate(time, format) {
  return format.replace(PARTS, (token, escaped) => escaped ?? TOKENS[token](time));
}

function pad(number, width) {
  return String(number).padStart(width, '0');
}

function hour12(time) {
  return time.getHours() % 12 || 12;
}

/** The offset from UTC, east positive: +02:00. Node's own has the other sign. */
function offset(time, separator) {
  const minutes = -time.getTimezoneOffset();
  const size = Math.abs(minutes);
  return (minutes < 0 ? '-' : '+') + pad(Math.floor(size / 60), 2) + separator + pad(size % 60, 2);
}

module.exports = { formatDate };
