/**
 * Compares durable accepting by SMTP: messages of 4 KB to the whole embedded server with its receive worker, in turn with Postfix
 * (queued with fsync, then discarded) and with npm smtp-server, which stores nothing. Over 10 and 50 kept sessions, and with a
 * connection for each message. Each server, Postfix with all its processes, has core 0 and the load core 1.
 * `node test/bench/smtp-durable.ts [rounds]`
 */
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { newToken } from '@kabutar/core/accounts/keys.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { startPostfix } from '../interop/postfix.ts'
import { cpuMicros, cpuMicrosOfTree, keepOnCore, median, onCore, startPeer } from './measure.ts'

type Contender = {
  readonly name: string
  /** Messages of one measured run; a quarter more warm up before it. */
  readonly messages: number
  start(): Promise<{ readonly port: number; cpuMicros(): number; stop(): Promise<void> }>
}
type Figures = { readonly perSecond: number; readonly cpuMicros: number }
type Way = { readonly name: string; readonly sessions: number; readonly mode: 'kept' | 'new' }

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const RECIPIENT = 'ada@kabutar.test'
/** The least ratios. smtp-server has none for new connections, because it lets each wait for 100 ms. */
const TARGETS = { postfix: { kept: 5, new: 1 }, 'smtp-server': { kept: 0.5, new: undefined } } as const
const WAYS: readonly Way[] = [
  { name: '10 kept', sessions: 10, mode: 'kept' },
  { name: '50 kept', sessions: 50, mode: 'kept' },
  { name: 'new each', sessions: 10, mode: 'new' },
]
const CONTENDERS: readonly Contender[] = [
  { name: 'kabutar', messages: 10_000, start: () => startNode('./peer-receiving.ts', newToken(uuidIds(systemClock))) },
  { name: 'postfix', messages: 2000, start: startQueueing },
  { name: 'smtp-server', messages: 10_000, start: () => startNode('./smtp-discard.ts', 'smtp-server') },
]

async function startNode(script: string, argument: string) {
  const { child, port, smtpPort, stop } = await startPeer(path(script), [argument])
  return { port: smtpPort || port, cpuMicros: () => cpuMicros(child.pid ?? 0), stop }
}

async function startQueueing() {
  const { port, queueFolder, stop } = await startPostfix({ domains: ['kabutar.test'], discard: true })
  // Postfix starts its other processes as mail comes, and they inherit the core.
  const master = Number(readFileSync(join(queueFolder, 'pid', 'master.pid'), 'utf8'))
  keepOnCore(0, master)
  return {
    port,
    cpuMicros: () => cpuMicrosOfTree(master),
    async stop() {
      await drained(queueFolder)
      await stop()
    },
  }
}

/** Discards the queue, so that the next server has the machine for itself. */
async function drained(queueFolder: string): Promise<void> {
  const queued = () => ['incoming', 'active'].flatMap((name) => readdirSync(join(queueFolder, name))).length
  for (const end = Date.now() + 60_000; queued() > 0; await sleep(100)) {
    if (Date.now() > end) throw new Error('Postfix does not empty its queue')
  }
}

async function run(contender: Contender, { sessions, mode }: Way): Promise<Figures> {
  const server = await contender.start()
  try {
    const load = (count: number) => {
      const script = [path('./smtp-load.ts'), server.port, sessions, count, RECIPIENT, mode].map(String)
      const [command = '', ...args] = onCore(1, [process.execPath, ...script])
      return promisify(execFile)(command, args, { timeout: 120_000 })
    }
    await load(Math.ceil(contender.messages / 4))
    const before = server.cpuMicros()
    const { stdout } = await load(contender.messages)
    const used = server.cpuMicros() - before
    return { perSecond: contender.messages / Number(stdout), cpuMicros: used / contender.messages }
  } finally {
    await server.stop()
  }
}

const contendersOf = ({ mode }: Way) => CONTENDERS.filter(({ name }) => mode === 'kept' || name !== 'smtp-server')

function report(way: Way, figures: ReadonlyMap<string, readonly Figures[]>): void {
  const of = (name: string, what: keyof Figures) => median((figures.get(name) ?? []).map((one) => one[what]))
  for (const { name } of contendersOf(way)) {
    const cells = [of(name, 'perSecond'), of(name, 'cpuMicros')].map((value) => value.toFixed(0).padStart(12))
    console.log(`${way.name.padEnd(10)}${name.padEnd(12)}${cells.join('')}`)
  }
  for (const [name, targets] of Object.entries(TARGETS)) {
    const ratio = of('kabutar', 'perSecond') / of(name, 'perSecond')
    const target = targets[way.mode]
    if (target !== undefined) console.log(`${' '.repeat(10)}to ${name} ${ratio.toFixed(2)}, target >= ${target}`)
  }
}

if (!existsSync('/usr/sbin/postfix')) {
  throw new Error('Postfix is missing: apt-get update && apt-get install -y --no-install-recommends postfix')
}
const [rounds = 3] = process.argv.slice(2).map(Number)
console.log(`${'way'.padEnd(10)}${'server'.padEnd(12)}  messages/s  CPU us each   medians of ${rounds} rounds`)
for (const way of WAYS) {
  const figures = new Map<string, Figures[]>(CONTENDERS.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const contender of contendersOf(way)) figures.get(contender.name)?.push(await run(contender, way))
  }
  report(way, figures)
}
