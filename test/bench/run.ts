/** `npm run bench` runs every benchmark, one after the other; `npm run bench accept relay` runs those that are named. */
import { spawnSync } from 'node:child_process'

const BENCHMARKS = [
  'accept',
  'smtp-accept',
  'smtp-durable',
  'receiving',
  'receive-worker',
  'webhooks',
  'isolation',
  'relay',
  'memory',
]

const named = process.argv.slice(2)
const unknown = named.filter((name) => !BENCHMARKS.includes(name))
if (unknown.length > 0) throw new Error(`no benchmark ${unknown.join(', ')}; there are ${BENCHMARKS.join(', ')}`)
let failed = 0
for (const name of named.length > 0 ? named : BENCHMARKS) {
  console.log(`\n== ${name}`)
  const script = new URL(`./${name}.ts`, import.meta.url).pathname
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) failed++
}
process.exit(failed > 0 ? 1 : 0)
