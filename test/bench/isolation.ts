/**
 * What a webhook endpoint that misbehaves costs a healthy one: the delay of 1,000 events from their birth to the healthy
 * receiver, beside each kind of bad one, against the undisturbed run right before it. Receivers have processes of
 * their own; events are born at a steady rate in ours, on a durable engine, with the loops of the server.
 *   node test/bench/isolation.ts [events=1000] [per second=300] [rounds=3]
 * Prints p50, p99 and the ratio of the p99s, medians of the rounds. Exits 1 if a ratio is above 2.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { guardedClient } from '@kabutar/core/net/guarded.ts'
import { systemClock } from '@kabutar/core/ports/clock.ts'
import { uuidIds } from '@kabutar/core/ports/ids.ts'
import { systemResolver } from '@kabutar/core/ports/resolver.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import { dispatchMemory } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { createEndpoint } from '@kabutar/core/webhooks/endpoints.ts'
import { eventId, type MailEvent, putEvents } from '@kabutar/core/webhooks/event.ts'
import { notify } from '@kabutar/core/webhooks/notify.ts'
import { openEngine } from '@kabutar/local/engine.ts'
import { sqliteQueue } from '@kabutar/local/queue.ts'
import { sqliteTable } from '@kabutar/local/table.ts'
import { temporaryFolder } from '@kabutar/local/testing/temporary-folder.ts'
import { runConsumer } from '@kabutar/server/consumer.ts'
import { median } from './measure.ts'
import type { Arrivals, Kind } from './receiver.ts'

const BAD: readonly { readonly name: string; readonly kind: Kind; readonly times: number }[] = [
  { name: 'hangs', kind: 'hang', times: 1 },
  { name: 'answers 500', kind: 'fail', times: 1 },
  { name: 'sends 1 GB', kind: 'flood', times: 1 },
  { name: 'resets', kind: 'reset', times: 1 },
  { name: 'answers after 2 s', kind: 'slow', times: 1 },
  { name: 'five hang', kind: 'hang', times: 5 },
]
const LOOPS = 64
const BATCH = 10
const PATIENCE_MS = 20_000
const ACCOUNT = 'a'
const nothing = () => undefined
const quiet = { debug: nothing, info: nothing, warn: nothing, error: nothing }

type Delays = { readonly p50: number; readonly p99: number }
type Receivers = { readonly child: ChildProcess; readonly urls: Readonly<Record<Kind, string>> }

async function startReceivers(): Promise<Receivers> {
  const child = fork(new URL('./receiver.ts', import.meta.url).pathname)
  const [urls] = await once(child, 'message')
  return { child, urls: urls as Receivers['urls'] }
}

function openRig() {
  const engine = openEngine(temporaryFolder())
  const client = guardedClient({ resolver: systemResolver, allowPrivate: true })
  const ports = {
    table: sqliteTable(engine, systemClock),
    webhookQueue: sqliteQueue(engine, 'webhooks', systemClock, { maxAttempts: 5 }),
    clock: systemClock,
    ids: uuidIds(systemClock),
    log: quiet,
    client,
    memory: dispatchMemory(client),
    webhookRetriesMs: [0, 5000, 300_000],
    userAgent: 'Kabutar',
    allowPrivate: true,
  }
  const close = () => {
    client.close()
    engine.close()
  }
  return { ports, close }
}

type Ports = ReturnType<typeof openRig>['ports']

/** Events at a steady rate, each told as a worker would tell it. Answers when each was born. */
async function giveBirth(ports: Ports, count: number, perSecond: number): Promise<ReadonlyMap<string, number>> {
  const born = new Map<string, number>()
  const telling: Promise<void>[] = []
  for (let n = 0, start = performance.now(); n < count; n++) {
    const early = start + (n * 1000) / perSecond - performance.now()
    if (early > 1) await systemClock.sleep(early)
    const event = eventOf(ports.ids.next())
    born.set(event.id, performance.timeOrigin + performance.now())
    telling.push(putEvents(ports.table, ACCOUNT, [event]).then(() => notify(ports, ACCOUNT, [event])))
  }
  await Promise.all(telling)
  return born
}

function eventOf(messageId: string): MailEvent {
  const identity = { messageId, recipient: '', type: 'email.sent' } as const
  const id = eventId({ accountId: ACCOUNT, ...identity, occurrence: '' })
  return { id, ...identity, createdAt: new Date(), data: { email_id: messageId, to: ['a@example.com'] } }
}

/** When each event came to the healthy receiver first, by its id; asks until all did. */
async function arrivals(healthy: ChildProcess, count: number): Promise<ReadonlyMap<string, number>> {
  for (const end = Date.now() + PATIENCE_MS; ; await systemClock.sleep(50)) {
    const answered = once(healthy, 'message')
    healthy.send('arrivals')
    const [came] = (await answered) as [Arrivals]
    if (came.length >= count) return new Map(came.toReversed())
    if (Date.now() > end) throw new Error(`${came.length} of ${count} events came within ${PATIENCE_MS / 1000} s`)
  }
}

async function delays(healthy: Receivers, bad: readonly string[], count: number, perSecond: number): Promise<Delays> {
  healthy.child.send('forget')
  const { ports, close } = openRig()
  for (const url of [healthy.urls.well, ...bad]) await createEndpoint(ports, ACCOUNT, { url, events: ['email.sent'] })
  const stop = new AbortController()
  const consuming = runConsumer(ports.webhookQueue, (batch, signal) => dispatchBatch(ports, batch, signal), {
    name: 'webhooks',
    concurrency: LOOPS,
    batch: BATCH,
    visibilityMs: 60_000,
    drainMs: 0,
    clock: systemClock,
    log: quiet,
    signal: stop.signal,
  })
  const born = await giveBirth(ports, count, perSecond)
  const came = await arrivals(healthy.child, count)
  stop.abort()
  await consuming
  close()
  const sorted = [...born].map(([id, at]) => (came.get(id) ?? Number.NaN) - at).toSorted((a, b) => a - b)
  const percentile = (p: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
  return { p50: percentile(0.5), p99: percentile(0.99) }
}

async function main(): Promise<void> {
  const [count, perSecond, rounds] = [2, 3, 4].map((at, i) => Number(process.argv[at] ?? [1000, 300, 3][i]))
  const [healthy, bad] = await Promise.all([startReceivers(), startReceivers()])
  // What bad receivers do with a CPU is not ours: elsewhere it is not even the same machine.
  setPriority(bad.child.pid ?? 0, constants.priority.PRIORITY_LOW)
  const run = (urls: readonly string[]) => delays(healthy, urls, count ?? 0, perSecond ?? 0)
  await run([])
  for (const { name, kind, times } of BAD) {
    const pairs: { readonly alone: Delays; readonly beside: Delays }[] = []
    for (let round = 0; round < (rounds ?? 0); round++) {
      const alone = await run([])
      pairs.push({ alone, beside: await run(Array.from({ length: times }, (_, n) => `${bad.urls[kind]}?${n}`)) })
    }
    const of = (pick: (pair: (typeof pairs)[number]) => number) => Number(median(pairs.map(pick)).toFixed(2))
    const ratio = of(({ alone, beside }) => beside.p99 / alone.p99)
    const [p50, p99, alone] = [
      of((pair) => pair.beside.p50),
      of((pair) => pair.beside.p99),
      of((pair) => pair.alone.p99),
    ]
    console.log(JSON.stringify({ beside: name, p50, p99, alone, ratio }))
    if (ratio > 2) process.exitCode = 1
  }
  for (const { child } of [healthy, bad]) child.disconnect()
}

await main()
