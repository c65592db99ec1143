'use strict';

// Cluster keeps a worker alive until its channel closes. Without that, nothing
// but the agent could keep this script from ending.
process.channel.unref();
