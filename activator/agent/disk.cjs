'use strict';

// A disk that is full takes an app's logs, and not the app. Since Node 18 an app
// whose log is a file (StandardOutput=append:…) ends when a line of it cannot be
// written; under PM2 it does not.

const fs = require('fs');

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Lets both streams lose what has no room. They write again when there is some. */
function install(process) {
  for (const [fd, name] of [[1, 'stdout'], [2, 'stderr']]) {
    if (!isFile(fd)) continue; // a pipe and a socket are never full
    const stream = process[name];
    stream.on('error', (error) => {
      // Any other error is as if nobody had listened.
      if (!FULL.has(error.code) && stream.listenerCount('error') === 1) throw error;
    });
  }
}

function isFile(fd) {
  try {
    const { mode } = fs.fstatSync(fd);
    const kind = mode & fs.constants.S_IFMT;
    return kind === fs.constants.S_IFREG || kind === fs.constants.S_IFCHR;
  } catch {
    return false; // it is closed
  }
}

module.exports = { install };
