/**
 * Measures webhook deliveries per second and their CPU, to a sink in its own process, beside a bare undici loop that signs the
 * same and records nothing.
 *   node test/bench/webhooks.ts [deliveries=10000] [rounds=5]
 * Prints one line of JSON per round, then the medians and their ratio. Exits 1 if we reach less than 0.4 of the loop.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { guardedClient } from '@kabutar/core/net/guarded.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import { dispatchState } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { DISPATCHED_AT_ONCE, EndpointLimiter } from '@kabutar/core/webhooks/endpoint-limiter.ts'
import { createEndpoint } from '@kabutar/core/webhooks/endpoints.ts'
import { eventId, type MailEvent, payloadBody, putEvents } from '@kabutar/core/webhooks/event.ts'
import { notify } from '@kabutar/core/webhooks/notify.ts'
import { newSecret, signedHeaders } from '@kabutar/core/webhooks/sign.ts'
import { systemResolver } from '@kabutar/local/dns.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { Pool } from 'undici'

const IN_FLIGHT = 32

type Measured = { readonly perSecond: number; readonly cpuMicros: number }

function eventsFor(accountId: string, count: number): readonly MailEvent[] {
  const ids = uuidIds(systemClock)
  return Array.from({ length: count }, () => {
    const messageId = ids.next()
    const type = 'email.delivered'
    const id = eventId({ accountId, messageId, recipient: 'a@example.com', type, occurrence: '' })
    const data = { email_id: messageId, to: ['a@example.com'], subject: 'x'.repeat(1800) }
    return { id, type, messageId, recipient: 'a@example.com', createdAt: new Date(), data }
  })
}

async function measured(count: number, work: () => Promise<unknown>): Promise<Measured> {
  const [cpu, from] = [process.cpuUsage(), performance.now()]
  await work()
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: Math.round((count * 1000) / (performance.now() - from)), cpuMicros: (user + system) / count }
}

/** Measures from the first receipt to the last settlement; the events are in the queue of a durable engine from the start. */
async function ours(url: string, count: number): Promise<Measured> {
  const engine = openEngine(temporaryFolder())
  const client = guardedClient({ clock: systemClock, resolver: systemResolver, allowPrivate: true })
  const webhookQueue = sqliteQueue(engine, 'webhooks', systemClock, { maxAttempts: 5 })
  const nothing = () => undefined
  const state = { clock: systemClock, random: Math.random }
  const ports = {
    table: sqliteTable(engine, systemClock),
    webhookQueue,
    ...state,
    caches: newCaches(systemClock),
    ids: uuidIds(systemClock),
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    client,
    // On a busy machine endpoints would look stuck, so the limiter puts nothing off.
    ...dispatchState(client, state),
    limiter: new EndpointLimiter(state, { slowMs: 3000, patienceMs: 10_000 }),
    webhookRetriesMs: [0, 5000],
    userAgent: 'Kabutar',
    allowPrivate: true,
  }
  await createEndpoint(ports, 'a', { url, events: ['email.delivered'] })
  const events = eventsFor('a', count)
  await putEvents(ports.table, 'a', events)
  await notify(ports, 'a', events)
  const signal = new AbortController().signal
  const drained = new AbortController()
  let settled = 0
  // Like the server's loops, each settles a batch while it receives the next one.
  const loop = async () => {
    let settling: Promise<unknown> = Promise.resolve()
    while (settled < count) {
      const batch = await webhookQueue.receive({
        max: DISPATCHED_AT_ONCE.batch,
        visibilityMs: 60_000,
        waitMs: 50,
        signal: drained.signal,
      })
      await settling
      await dispatchBatch(ports, batch, signal)
      settling = webhookQueue.settle(batch.map((delivery) => ({ delivery, ok: true })))
      settled += batch.length
      // The other loops must not wait for entries that never come.
      if (settled >= count) drained.abort()
    }
    await settling
  }
  const result = await measured(count, () => Promise.all(Array.from({ length: DISPATCHED_AT_ONCE.concurrency }, loop)))
  const { ready, leased, delayed } = await webhookQueue.depth()
  if (ready + leased + delayed > 0) throw new Error(`${ready + leased + delayed} deliveries were put off`)
  client.close()
  engine.close()
  return result
}

async function bare(url: string, count: number): Promise<Measured> {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections: IN_FLIGHT })
  const secret = newSecret(uuidIds(systemClock))
  const events = eventsFor('a', count)
  let next = 0
  const loop = async () => {
    for (let event = events[next++]; event !== undefined; event = events[next++]) {
      const body = payloadBody(event)
      const headers = { 'content-type': 'application/json', ...signedHeaders([secret], event.id, new Date(), body) }
      const answer = await pool.request({ path: pathname, method: 'POST', headers, body })
      await answer.body.dump()
    }
  }
  const result = await measured(count, () => Promise.all(Array.from({ length: IN_FLIGHT }, loop)))
  await pool.close()
  return result
}

async function startSink(): Promise<{ readonly sink: ChildProcess; readonly url: string }> {
  const sink = fork(import.meta.filename, [], { env: { ...process.env, SINK: '1' } })
  const [port] = await once(sink, 'message')
  return { sink, url: `http://127.0.0.1:${port}/hook` }
}

function runSink(): void {
  const server = http.createServer((request, response) => {
    request.resume()
    request.on('end', () => response.end('ok'))
  })
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
  process.on('disconnect', () => process.exit())
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

async function main(): Promise<void> {
  const [count, rounds] = [Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 5)]
  const { sink, url } = await startSink()
  const results: { readonly ours: Measured; readonly bare: Measured }[] = []
  await Promise.all([ours(url, 500), bare(url, 500)])
  for (let round = 0; round < rounds; round++) {
    results.push({ bare: await bare(url, count), ours: await ours(url, count) })
    console.log(JSON.stringify(results.at(-1)))
  }
  const ratio =
    median(results.map((result) => result.ours.perSecond)) / median(results.map((result) => result.bare.perSecond))
  const cpuMicros = Math.round(median(results.map((result) => result.ours.cpuMicros)))
  const bareCpuMicros = Math.round(median(results.map((result) => result.bare.cpuMicros)))
  console.log(JSON.stringify({ ratio: Number(ratio.toFixed(2)), cpuMicros, bareCpuMicros }))
  sink.disconnect()
  process.exitCode = ratio >= 0.4 ? 0 : 1
}

if (process.env.SINK === '1') runSink()
else await main()
