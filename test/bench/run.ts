/** `npm run bench` runs every benchmark, one after the other; `npm run bench accept relay` runs those that are named. */
import { spawnSync } from 'node:child_process'
import { type Arguments, runCommand, UsageError } from '@kabutar/server/command-line.ts'

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

async function main({ words }: Arguments): Promise<number> {
  const unknown = words.filter((name) => !BENCHMARKS.includes(name))
  if (unknown.length > 0) throw new UsageError(`no benchmark ${unknown.join(', ')}; there are ${BENCHMARKS.join(', ')}`)
  let failed = 0
  for (const name of words.length > 0 ? words : BENCHMARKS) {
    console.log(`\n== ${name}`)
    const script = new URL(`./${name}.ts`, import.meta.url).pathname
    const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
    if (status !== 0) failed++
  }
  return failed > 0 ? 1 : 0
}

await runCommand(
  {
    usage: ['npm run bench', `npm run bench -- ${BENCHMARKS.slice(0, 2).join(' ')}`],
    does: `Runs benchmarks one after the other, all or those that are named: ${BENCHMARKS.join(', ')}.`,
    options: {},
  },
  main,
)
