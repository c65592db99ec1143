// Reads and checks an ecosystem file as PM2 does before it starts anything:
//
//   node load.cjs PM2_FOLDER FILE [all]
//
// It prints the number of apps. No daemon runs, and of PM2's modules only those
// are loaded that this takes. With `all` it loads first what `pm2 start` has
// loaded before it looks at a file.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

const [folder, file, all] = process.argv.slice(2)
if (all) require(path.join(folder, 'node_modules/pm2/lib/API.js'))
const Common = require(path.join(folder, 'node_modules/pm2/lib/Common.js'))
const config = Common.parseConfig(fs.readFileSync(file), path.resolve(file))
const apps = Common.verifyConfs(config.apps || config.pm2 || config)
if (!Array.isArray(apps)) throw apps
console.log(apps.length)
process.exit()
