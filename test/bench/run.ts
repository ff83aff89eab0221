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

/** Runs only if it is named, because it takes an hour. */
const HOSTILE = 'hostile'
const ALL = [...BENCHMARKS, HOSTILE]

async function main({ words, options }: Arguments): Promise<number> {
  const unknown = words.filter((name) => !ALL.includes(name))
  if (unknown.length > 0) throw new UsageError(`no benchmark ${unknown.join(', ')}; there are ${ALL.join(', ')}`)
  let failed = 0
  for (const name of words.length > 0 ? words : BENCHMARKS) {
    console.log(`\n== ${name}`)
    const script = new URL(`./${name}.ts`, import.meta.url).pathname
    const args = name === HOSTILE ? [options.minutes ?? '60', options.only ?? ''] : []
    const { status } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' })
    if (status !== 0) failed++
  }
  return failed > 0 ? 1 : 0
}

await runCommand(
  {
    usage: [
      'npm run bench',
      `npm run bench -- ${BENCHMARKS.slice(0, 2).join(' ')}`,
      'npm run bench hostile -- --minutes 10',
    ],
    does: `Runs benchmarks one after the other, all or those that are named: ${BENCHMARKS.join(', ')}. \`${HOSTILE}\` runs only if it is named: honest mail beside every attack.`,
    options: {
      minutes: { meaning: 'how long the hostile hour lasts', initial: '60' },
      only: { meaning: 'attacks whose name has this text' },
    },
  },
  main,
)
