// Logs to both of its streams when it starts, and when it is told to.
const own = process.env.NODE_APP_INSTANCE;
console.log('started', own);
console.error('warned', own);
process.on('message', (what) => console.log('told', what));
setInterval(() => {}, 1e6);
