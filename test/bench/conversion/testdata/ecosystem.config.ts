import path from 'node:path'

interface App {
  name: string
  script: string
  instances?: number | 'max'
  exec_mode?: 'cluster' | 'fork'
  env: Record<string, string | number>
}

const app = (name: string, port: number, more: Partial<App> = {}): App => ({
  name,
  script: path.join(__dirname, 'dist', `${name}.js`),
  env: { NODE_ENV: 'production', PORT: port },
  ...more,
})

export default {
  apps: [app('gateway', 3000, { instances: 'max', exec_mode: 'cluster' }), app('billing', 3001), app('reports', 3002)] satisfies App[],
}
