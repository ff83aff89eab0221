/** `npm run bench`: every benchmark, one after the other; or those that are named: `npm run bench accept relay`. With V8 as the server has it. */
import { spawnSync } from 'node:child_process'
import { V8_FLAGS } from '../flows/support/v8-flags.ts'

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
  const { status } = spawnSync(process.execPath, [...V8_FLAGS, script], { stdio: 'inherit' })
  if (status !== 0) failed++
}
process.exit(failed > 0 ? 1 : 0)
