'use strict';

// What an app's logs look like, as in PM2's cluster mode: with log_date_format a
// `<timestamp>: ` before each write to stdout and stderr, with log_type `json` an
// object in the place of each. Once per write, not per line, as there.

const { formatDate } = require('./dates.cjs');

/** Does what GOPM_LOG_… ask for, and hides them from the app and its children. */
function install(process) {
  const {
    GOPM_LOG_TYPE: type,
    GOPM_LOG_DATE_FORMAT: format,
    GOPM_LOG_NAME: name,
    NODE_APP_INSTANCE: instance,
  } = process.env;
  for (const variable of Object.keys(process.env)) {
    if (variable.startsWith('GOPM_LOG_')) delete process.env[variable];
  }
  if (type === 'json') {
    const about = { process_id: Number(instance ?? 0), app_name: name };
    rewrite(process.stdout, (chunk) => toJSON(chunk, format, 'out', about));
    rewrite(process.stderr, (chunk) => toJSON(chunk, format, 'err', about));
  } else if (format) {
    rewrite(process.stdout, (chunk) => dated(chunk, format));
    rewrite(process.stderr, (chunk) => dated(chunk, format));
  }
}

/**
 * Puts what `change` makes of it in the place of each chunk. It stays one chunk,
 * and so one write(2): workers append to a shared file. What is no text and no
 * bytes is left for the stream to refuse.
 */
function rewrite(stream, change) {
  const { write } = stream;
  stream.write = function (chunk, ...rest) {
    if (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) return write.call(this, chunk, ...rest);
    // Text in an encoding such as hex: what is added must not be decoded with it.
    const encoding = typeof rest[0] === 'string' ? rest.shift() : undefined;
    const decoded = encoding && typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk;
    return write.call(this, change(decoded), ...rest);
  };
}

function dated(chunk, format) {
  const prefix = `${formatDate(new Date(), format)}: `;
  if (typeof chunk === 'string') return prefix + chunk;
  return Buffer.concat([Buffer.from(prefix), chunk]);
}

/** The keys in PM2's order. */
function toJSON(chunk, format, type, about) {
  const now = new Date();
  return `${JSON.stringify({
    message: typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString(),
    timestamp: format ? formatDate(now, format) : now.toISOString(),
    type,
    ...about,
  })}\n`;
}

module.exports = { install };
