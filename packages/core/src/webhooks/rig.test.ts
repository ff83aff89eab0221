/** The rig of this folder's tests: the embedded engine, a clock that tests move, and receivers on the loopback. */

import assert from 'node:assert/strict'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { after } from 'node:test'
import { systemResolver } from '@kabutar/local/dns.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { guardedClient } from '../net/guarded.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Delivery, Queue, Settlement } from '../ports/queue.ts'
import { newCaches } from '../store/cache.ts'
import { sweep as sweepDue } from '../store/sweep.ts'
import { dueDelivery } from './delivery.ts'
import { dispatchBatch } from './dispatch.ts'
import { type DispatchPorts, dispatchState } from './dispatch-ports.ts'
import { DISPATCHED_AT_ONCE } from './endpoint-limiter.ts'
import { eventId, type MailEvent } from './event.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
export const SCHEDULE = [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR]

const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

export type Rig = ReturnType<typeof rig>

export function rig(options: { readonly clock?: Clock; readonly timeoutMs?: number; readonly start?: number } = {}) {
  let now = options.start ?? Date.UTC(2026, 0, 1)
  const clock: Clock = options.clock ?? { ...systemClock, now: () => now, sleep: async () => undefined }
  const engine = memoryEngine()
  const client = guardedClient({
    clock: systemClock,
    resolver: systemResolver,
    allowPrivate: true,
    timeoutMs: options.timeoutMs ?? 300,
  })
  const webhookQueue = sqliteQueue(engine, 'webhooks', clock, { maxAttempts: 5 })
  const ports = {
    table: sqliteTable(engine, clock),
    webhookQueue,
    clock,
    ids: uuidIds(clock),
    log: quiet,
    client,
    caches: newCaches(clock),
    ...dispatchState(client, { clock, random: Math.random }),
    webhookRetriesMs: SCHEDULE,
    random: Math.random,
    userAgent: 'Kabutar/0.1.0',
    allowPrivate: true,
  }
  after(() => client.close())
  return {
    ports,
    accountId: 'acc',
    /** Moves the clock. */
    at: (ms: number) => {
      now = ms
    },
    now: () => clock.now(),
    event: (type: MailEvent['type'] = 'email.sent', n = 0) => eventAt(ports.ids.next(), clock.now(), type, n),
  }
}

function eventAt(messageId: string, at: number, type: MailEvent['type'], n: number): MailEvent {
  const identity = { accountId: 'acc', messageId, recipient: '', type, occurrence: String(n) }
  return {
    id: eventId(identity),
    type,
    messageId,
    recipient: '',
    createdAt: new Date(at),
    data: { email_id: messageId, to: ['a@example.com'], n },
  }
}

const never = new AbortController().signal

/** Dispatches the entries that are ready, batch by batch, until there are none. Answers how many there were. */
export async function drain(ports: DispatchPorts, queue: Queue = ports.webhookQueue): Promise<number> {
  for (let taken = 0, turns = 0; ; turns++) {
    assert.ok(turns < 1000, 'the queue does not run empty')
    const batch = await queue.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 })
    if (batch.length === 0) return taken
    taken += batch.length
    const failures = new Map((await dispatchBatch(ports, batch, never)).map(({ id, retryInMs }) => [id, retryInMs]))
    await queue.settle(batch.map((delivery) => settlementOf(delivery, failures.get(delivery.id))))
  }
}

/** Runs as many consumer loops as the embedded server, until the signal. */
export async function consume(ports: DispatchPorts, signal: AbortSignal): Promise<void> {
  const queue = ports.webhookQueue
  const { concurrency, batch: max } = DISPATCHED_AT_ONCE
  const loop = async () => {
    while (!signal.aborted) {
      const batch = await queue.receive({ max, visibilityMs: 60_000, waitMs: 1000, signal })
      if (batch.length === 0) continue
      const failed = new Map((await dispatchBatch(ports, batch, signal)).map(({ id, retryInMs }) => [id, retryInMs]))
      await queue.settle(batch.map((delivery) => settlementOf(delivery, failed.get(delivery.id))))
    }
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
}

const settlementOf = (delivery: Delivery, retryInMs: number | undefined): Settlement =>
  retryInMs === undefined ? { delivery, ok: true } : { delivery, ok: false, retryInMs }

/** Runs a sweep as the server does. Answers how many attempts it queued. */
export const sweep = (ports: DispatchPorts): Promise<number> =>
  sweepDue(ports, { delivery: dueDelivery(ports.webhookQueue) })

export type Received = { readonly headers: http.IncomingHttpHeaders; readonly body: string; readonly at: number }

/** A receiver that answers as asked, and keeps what it got. */
export async function receiver(answer: number | http.RequestListener = 200) {
  const received: Received[] = []
  const sockets = new Set<Socket>()
  const listener: http.RequestListener = (request, response) => {
    if (typeof answer !== 'number') return answer(request, response)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), at: performance.now() })
      response.writeHead(answer).end('thanks')
    })
  }
  const server = http.createServer(listener)
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received }
}
