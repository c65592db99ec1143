console.error('loop ends'); process.exit(2);
