// Prints as JSON what PM2 makes of an ecosystem file, as `pm2 start FILE` would,
// up to the message that it would send to its daemon. No daemon runs.
//
//   node oracle.cjs PM2_FOLDER FILE [--env NAME] [--only NAMES]
//
// PM2's working folder is the one this runs in; its environment is this
// process's, which should be next to empty. What PM2 would ask of the machine is
// answered here, the same on every machine: each script is there, each
// interpreter is installed (a script in Python finds python3 alone, as on Debian),
// each user and group exists.
'use strict'

const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const [pm2Folder, file, ...flags] = process.argv.slice(2)
const options = {}
for (let i = 0; i < flags.length; i += 2) {
  options[flags[i].slice(2)] = flags[i + 1]
}
process.argv.length = 2

// Whatever PM2 or the file prints must not get into the JSON.
process.stdout.write = process.stderr.write.bind(process.stderr)

const answer = result => {
  fs.writeSync(1, JSON.stringify(result, null, 2) + '\n')
  fs.rmSync(home, { recursive: true, force: true })
  process.exit(result.error ? 1 : 0)
}
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'oracle-'))
process.env.PM2_HOME = home
process.env.PM2_CONCURRENT_ACTIONS = '1' // the apps come in the order of the file

const inPM2 = name => require.resolve(path.join(pm2Folder, 'node_modules/pm2', name))
const replace = (name, exports) => {
  const id = inPM2(name)
  require.cache[id] = { id, filename: id, loaded: true, exports, children: [], paths: [] }
}

const unknown = 'unknown' // the script is not there, so nobody can say whether it is binary
const isBinary = require(inPM2('lib/tools/isbinaryfile.js'))
let script // what the app gives, while PM2 looks for it
replace('lib/tools/isbinaryfile.js', name => {
  // What npm installs are scripts for Node.
  if (/^\/command\/(npm|npx|yarn|yarnpkg|pnpm|serve|http-server|next|nest|nuxt|strapi|ts-node|tsx|nodemon|babel-node|vite|turbo|nx|lerna)$/.test(name)) return false
  if (name.startsWith('/command/')) return true
  if (reallyExists(name)) return isBinary(name)
  if (['.mjs', '.cjs'].includes(path.extname(name))) return false
  script.guessed = true
  return false
})
replace('lib/tools/which.js', name => {
  if (name === 'python' && script && script.byExtension) return null
  return name.startsWith('/') ? name : '/command/' + name
})
replace('lib/OtelManager.js', { ensureInstalled: () => true })
const everybody = new Proxy({}, { get: (_, name) => ({ homedir: '/home/' + String(name), userId: '1', groupId: '1', id: '1' }) })
replace('lib/tools/passwd.js', { getUsers: () => everybody, getGroups: () => everybody })
process.getuid = () => 0

const reallyExists = fs.existsSync
fs.existsSync = name => {
  if (script === undefined) return reallyExists(name)
  if (name !== path.resolve(script.cwd, script.text)) return true // the folders of logs
  return reallyExists(name) || !script.isCommand
}

const Common = require(inPM2('lib/Common.js'))

// The apps as the file gives them: its accounts are names, not numbers of this
// machine.
const { verifyConfs, prepareAppConf } = Common
let given = []
Common.verifyConfs = apps => {
  given = [].concat(apps).map(app => Object.assign({}, app, { env: Object.assign({}, app && app.env) }))
  const verified = verifyConfs(apps)
  if (Array.isArray(verified)) {
    verified.forEach((app, i) => {
      app.given = i
    })
  }
  return verified
}

// The environment of the CLI itself goes into that of the app; what the file
// declares is known only before.
Common.prepareAppConf = (opts, app) => {
  const raw = given[app.given]
  const own = new Set(Object.keys(raw ? raw.env : {})) // a static server has none
  if (app.env && app.env.HOME && raw && !own.has('HOME')) delete app.env.HOME // from uid
  const before = process.env.PWD
  script = {
    text: app.script,
    cwd: app.cwd ? path.resolve(app.cwd) : opts.cwd,
    byExtension: !app.exec_interpreter && path.extname(String(app.script)) === '.py',
    // A bare word that is no file of the app is a program in PATH; with an
    // interpreter only one that is well known, for artisan is a file.
    isCommand: /^[^/.]+$/.test(app.script) && (!app.exec_interpreter || app.exec_interpreter === 'none' ||
      /^(npm|npx|yarn|pnpm|bun|uvicorn|gunicorn|hypercorn|celery|flask|streamlit)$/.test(app.script)),
  }
  const declared = new Set(Object.keys(app.env || {}))
  if (!own.has('io')) declared.delete('io')
  if (app.port && app.env) declared.add('PORT')
  declared.add('PYTHONUNBUFFERED') // PM2's own for Python
  const files = ['out', 'error', 'log', 'pid'].filter(f => app[f + '_file'])
  let prepared
  try {
    prepared = prepareAppConf(opts, app)
  } finally {
    prepared = prepared || app
    app.seen = { declared: [...declared], files, guessed: script.guessed === true }
    script = undefined
    if (before === undefined) delete process.env.PWD
    else process.env.PWD = before
  }
  if (!declared.has('PWD') && prepared.env) delete prepared.env.PWD // PM2 sets its own to cwd
  return prepared
}

const plain = name => {
  if (typeof name !== 'string') return name
  if (name === process.execPath) return 'node'
  if (name.startsWith('/command/')) return path.basename(name)
  if (name.startsWith(pm2Folder)) return path.basename(name, '.js').toLowerCase()
  return name
}

// effective turns PM2's record of an app into its attributes.
const effective = (record, cli) => {
  const { seen, given: index } = record
  const raw = given[index]
  const app = {}
  for (const [key, value] of Object.entries(record)) {
    if (/^(env(_.*)?|seen|given|username|km_link|pm_.*|node_args|args)$/.test(key) || value === undefined) continue
    app[key] = value
  }
  app.script = plain(record.pm_exec_path)
  app.cwd = record.pm_cwd
  app.args = (record.args || []).map(String) // as the spawn of the process does
  app.instances = Math.trunc(record.instances) // as the daemon does
  app.node_args = record.node_args || []
  app.exec_interpreter = seen.guessed ? unknown : plain(record.exec_interpreter)
  app.exec_mode = record.exec_mode.replace(/_mode$/, '')
  const paths = { out: 'pm_out_log_path', error: 'pm_err_log_path', log: 'pm_log_path', pid: 'pm_pid_path' }
  for (const f of seen.files) app[f + '_file'] = record[paths[f]].startsWith(home + '/') ? true : record[paths[f]]
  for (const key of ['uid', 'gid']) {
    const name = raw[key] || (key === 'uid' && raw.user)
    if (name) app[key] = name
    else delete app[key]
  }
  const declared = new Set(seen.declared)
  for (const key of Object.keys(Object(raw['env_' + options.env]))) declared.add(key)
  app.env = {}
  for (const [key, value] of Object.entries(record.env)) {
    if (!declared.has(key) && key in cli) continue
    if (key === 'PM2_HOME' && value === home) continue
    if ((key === 'io' || key === record.name) && !declared.has(key)) continue // PM2's own, and a slip of it
    if (['string', 'number', 'boolean'].includes(typeof value)) app.env[key] = String(value)
  }
  return app
}

const API = require(inPM2('lib/API.js'))
const pm2 = new API({ cwd: process.cwd(), pm2_home: home })
delete process.env.PM2_HOME
delete process.env.PM2_CONCURRENT_ACTIONS
const before = Object.assign({}, process.env)
const apps = []
const servers = [] // that the key `static` adds
pm2.Client.executeRemote = (call, record, done) => {
  if (call === 'getMonitorData') return done(null, [])
  if (record.given === undefined) servers.push(record.name)
  else apps.push(effective(record, process.env))
  done(null, [{ pm2_env: { name: record.name } }])
}

if (!Common.isConfigFile(file)) answer({ error: 'for PM2 this is a script' })
try {
  pm2._startJson(file, options, 'restartProcessId', err => {
    // What the file itself put into process.env (dotenv, an assignment) gets to
    // the apps through the CLI's environment.
    const left = {}
    for (const [key, value] of Object.entries(process.env)) {
      if (before[key] !== value && !/^(PM2_|PWD$)/.test(key)) left[key] = value
    }
    const errors = [].concat(err || []).map(e => String((e && e.message) || e))
    if (errors.length) answer({ error: errors.join('\n'), apps })
    answer({ apps, static: servers, process_env: left })
  })
} catch (err) {
  answer({ error: String((err && err.message) || err) })
}
