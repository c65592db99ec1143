console.log('final ends'); process.exit(7);
