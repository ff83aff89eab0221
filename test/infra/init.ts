/** Prints the time that each bundle takes to load in a new process, and that of a bare Hono handler: medians of 20. */
import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { bytesAtStart, bytesInReach } from './bundle.ts'
import { reader } from './declared.ts'
import { APP, load } from './diff.ts'

const RUNS = 20
const HONO = resolve(import.meta.dirname, '../../node_modules/hono/dist/index.js')
const CREDENTIALS = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' }

/** Measures the load of the module only; AWS starts Node. */
function initMs(script: string, env: Readonly<Record<string, string>>): number {
  const code = `const from = performance.now(); ${script}; console.log(performance.now() - from); process.exit(0)`
  const times = Array.from({ length: RUNS }, () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      encoding: 'utf8',
      timeout: 20_000,
      env,
    })
    const ms = Number(stdout)
    if (!(ms > 0)) throw new Error(stderr)
    return ms
  }).sort((a, b) => a - b)
  return times[RUNS / 2] ?? 0
}

const bare = initMs(
  `const { Hono } = await import(${JSON.stringify(HONO)}); new Hono().get('/', (c) => c.json({}))`,
  {},
)
console.log(`init of a bare Hono handler: ${bare.toFixed(1)} ms (median of ${RUNS})`)
for (const { handler, component, inputs } of reader(load('production')).workers()) {
  const bundle = join(APP, '.sst/artifacts', `${component}-src/bundle.mjs`)
  const ms = initMs(`await import(${JSON.stringify(bundle)})`, { ...inputs.environment.variables, ...CREDENTIALS })
  console.log(
    `init of ${handler}: ${ms.toFixed(1)} ms, ${(ms / bare).toFixed(1)} times as long; ${bytesAtStart(bundle)} bytes of ${bytesInReach(bundle)}`,
  )
}
