import { cpus } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const common = { cwd: here, max_restarts: 10, env: { NODE_ENV: 'production' } }

export const apps = [
  { ...common, name: 'api', script: 'api.mjs', exec_mode: 'cluster', instances: Math.max(cpus().length - 1, 1), env: { ...common.env, PORT: 3000 } },
  ...['mail', 'search', 'images'].map(name => ({ ...common, name: `worker-${name}`, script: `workers/${name}.mjs` })),
]
