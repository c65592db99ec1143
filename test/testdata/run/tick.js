console.log('tick', process.env.WORD);
