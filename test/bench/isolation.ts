/**
 * Measures by how much a bad webhook endpoint delays a healthy one: the delay of 1,000 events from their emission to the healthy
 * receiver, beside each kind of bad one. Each round begins with two runs for comparison: the healthy one alone, and beside a
 * second healthy one, which shows the cost of twice the deliveries. Receivers have their own processes; this one emits
 * events at a steady rate, on a durable engine, with the loops of the server.
 *   node test/bench/isolation.ts [events=1000] [per second=300] [rounds=5]
 * Prints p50 and p99 in ms, CPU of our process for each event, and the ratio of the p99 to both; medians of the rounds.
 * Exits 1 if a ratio to the run alone is above 2.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { constants, setPriority } from 'node:os'
import { guardedClient } from '@kabutar/core/net/guarded.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import { dispatchState } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { DISPATCHED_AT_ONCE } from '@kabutar/core/webhooks/endpoint-limiter.ts'
import { createEndpoint } from '@kabutar/core/webhooks/endpoints.ts'
import { eventId, type MailEvent, putEvents } from '@kabutar/core/webhooks/event.ts'
import { notify } from '@kabutar/core/webhooks/notify.ts'
import { systemResolver } from '@kabutar/local/dns.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { runConsumer } from '@kabutar/server/consumer.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
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
const PATIENCE_MS = 20_000
const ACCOUNT = 'a'
const nothing = () => undefined
const quiet = { debug: nothing, info: nothing, warn: nothing, error: nothing }

type Delays = { readonly p50: number; readonly p99: number; readonly cpuMicros: number }
type Receivers = { readonly child: ChildProcess; readonly urls: Readonly<Record<Kind, string>> }

async function startReceivers(): Promise<Receivers> {
  const child = fork(new URL('./receiver.ts', import.meta.url).pathname)
  const [urls] = await once(child, 'message')
  return { child, urls: urls as Receivers['urls'] }
}

function openRig() {
  const engine = openEngine(temporaryFolder())
  const client = guardedClient({ clock: systemClock, resolver: systemResolver, allowPrivate: true })
  const ports = {
    table: sqliteTable(engine, systemClock),
    webhookQueue: sqliteQueue(engine, 'webhooks', systemClock, { maxAttempts: 5 }),
    clock: systemClock,
    ids: uuidIds(systemClock),
    log: quiet,
    client,
    caches: newCaches(systemClock),
    ...dispatchState(client, { clock: systemClock, random: Math.random }),
    webhookRetriesMs: [0, 5000, 300_000],
    userAgent: 'Kabutar',
    random: Math.random,
    allowPrivate: true,
  }
  const close = () => {
    client.close()
    engine.close()
  }
  return { ports, close }
}

type Ports = ReturnType<typeof openRig>['ports']

/** Emits events at a steady rate as a worker does. Answers when each was emitted. */
async function giveBirth(ports: Ports, count: number, perSecond: number): Promise<ReadonlyMap<string, number>> {
  const emitted = new Map<string, number>()
  const telling: Promise<void>[] = []
  for (let n = 0, start = performance.now(); n < count; n++) {
    const early = start + (n * 1000) / perSecond - performance.now()
    if (early > 1) await systemClock.sleep(early)
    const event = eventOf(ports.ids.next())
    emitted.set(event.id, performance.timeOrigin + performance.now())
    telling.push(putEvents(ports.table, ACCOUNT, [event]).then(() => notify(ports, ACCOUNT, [event])))
  }
  await Promise.all(telling)
  return emitted
}

function eventOf(messageId: string): MailEvent {
  const identity = { messageId, recipient: '', type: 'email.sent' } as const
  const id = eventId({ accountId: ACCOUNT, ...identity, occurrence: '' })
  return { id, ...identity, createdAt: new Date(), data: { email_id: messageId, to: ['a@example.com'] } }
}

/** Waits until all events have come, and answers by id when each first came to the healthy receiver. */
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
    ...DISPATCHED_AT_ONCE,
    visibilityMs: 60_000,
    drainMs: 0,
    clock: systemClock,
    random: Math.random,
    log: quiet,
    signal: stop.signal,
  })
  const cpu = process.cpuUsage()
  const emitted = await giveBirth(ports, count, perSecond)
  const came = await arrivals(healthy.child, count)
  const { user, system } = process.cpuUsage(cpu)
  stop.abort()
  await consuming
  close()
  const sorted = [...emitted].map(([id, at]) => (came.get(id) ?? Number.NaN) - at).toSorted((a, b) => a - b)
  const percentile = (p: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? Number.NaN
  return { p50: percentile(0.5), p99: percentile(0.99), cpuMicros: (user + system) / count }
}

type Round = { readonly alone: Delays; readonly second: Delays; readonly beside: readonly Delays[] }

async function main(): Promise<void> {
  const [count = 0, perSecond = 0, times = 0] = [2, 3, 4].map((at, i) => Number(process.argv[at] ?? [1000, 300, 5][i]))
  const [healthy, bad] = await Promise.all([startReceivers(), startReceivers()])
  // The CPU of bad receivers is not counted, because in reality they run on other machines.
  setPriority(bad.child.pid ?? 0, constants.priority.PRIORITY_LOW)
  const run = (urls: readonly string[]) => delays(healthy, urls, count, perSecond)
  await run([])
  const rounds: Round[] = []
  while (rounds.length < times) {
    const [alone, second, beside] = [await run([]), await run([bad.urls.well]), [] as Delays[]]
    for (const { kind, times: many } of BAD)
      beside.push(await run(Array.from({ length: many }, (_, n) => `${bad.urls[kind]}?${n}`)))
    rounds.push({ alone, second, beside })
  }
  for (const { child } of [healthy, bad]) child.disconnect()
  report(rounds)
}

function report(rounds: readonly Round[]): void {
  const of = (pick: (round: Round) => number) => Number(median(rounds.map(pick)).toFixed(2))
  const row = (beside: string, pick: (round: Round) => Delays) => {
    const [p50, p99] = [of((round) => pick(round).p50), of((round) => pick(round).p99)]
    const cpuMicros = Math.round(of((round) => pick(round).cpuMicros))
    const ratio = of((round) => pick(round).p99 / round.alone.p99)
    const toSecond = of((round) => pick(round).p99 / round.second.p99)
    console.log(JSON.stringify({ beside, p50, p99, cpuMicros, ratio, toSecond }))
    return ratio
  }
  row('nothing', ({ alone }) => alone)
  row('a second healthy one', ({ second }) => second)
  for (const [i, { name }] of BAD.entries()) {
    const ratio = row(name, ({ alone, beside }) => beside[i] ?? alone)
    if (ratio > 2) process.exitCode = 1
  }
}

await main()
