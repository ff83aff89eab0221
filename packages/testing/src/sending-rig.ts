/** The rig of the tests of sending: the real engine in memory, a clock that stands still, a relay that keeps what it got. */

import type { ApiKey } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import type { Draft } from '@kabutar/core/messages/content.ts'
import type { Blobs } from '@kabutar/core/ports/blobs.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Relay, RelayEnvelope, RelayResult } from '@kabutar/core/ports/relay.ts'
import { type SendPorts, sendBatch } from '@kabutar/core/sending/send.ts'
import { dueSend, encodeSendEntry } from '@kabutar/core/sending/send-queue.ts'
import type { SubmitPorts } from '@kabutar/core/sending/submit.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { sweep } from '@kabutar/core/store/sweep.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'

export type TestPorts = SubmitPorts & SendPorts & { readonly allowPrivate: boolean }
export type Rig = TestPorts & { readonly clock: TestClock; readonly relay: TestRelay }
type TestClock = Clock & { advance(ms: number): void }
export type Relayed = RelayEnvelope & { readonly raw: Uint8Array; readonly messageId: string }
type TestRelay = Relay & {
  readonly relayed: Relayed[]
  answer: (envelope: RelayEnvelope) => RelayResult | Error
}

export const KEY: ApiKey = { accountId: 'a', keyId: 'k', permission: 'full_access' }
export const DRAFT: Draft = {
  from: { name: 'Ada', address: 'ada@kabutar.test' },
  to: [{ name: '', address: 'bob@y.test' }],
  cc: [],
  bcc: [],
  replyTo: [],
  subject: 'Hello',
  text: 'hi',
  headers: {},
  tags: [],
  attachments: [],
}

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }

export function testClock(start = Date.parse('2026-11-22T12:00:00Z')): TestClock {
  let now = start
  return {
    ...systemClock,
    now: () => now,
    advance(ms) {
      now += ms
    },
    sleep: async () => {},
  }
}

function testRelay(): TestRelay {
  const relayed: Relayed[] = []
  return {
    relayed,
    answer: () => ({ relayId: '', outcome: 'sent', rejected: [] }),
    limits: { maxRawBytes: 50_000_000, maxRecipients: 50 },
    async send(envelope, raw, { messageId }) {
      const answer = this.answer(envelope)
      if (answer instanceof Error) throw answer
      relayed.push({ ...envelope, raw, messageId })
      return answer
    },
  }
}

function memoryBlobs(): Blobs {
  const blobs = new Map<string, Uint8Array>()
  return {
    async put(key, body) {
      const chunks: Uint8Array[] = []
      for await (const chunk of body instanceof Uint8Array ? [body] : body) chunks.push(chunk)
      blobs.set(key, Buffer.concat(chunks))
    },
    get: async (key) => blobs.get(key),
    async open(key, { from, to } = { from: 0, to: Number.POSITIVE_INFINITY }) {
      const blob = blobs.get(key)
      return blob && { size: blob.byteLength, body: ReadableStream.from([blob.subarray(from, to + 1)]) }
    },
    async delete(keys) {
      for (const key of keys) blobs.delete(key)
    },
    link: () => Promise.reject(new Error('no links in this test')),
    uploadLink: () => Promise.reject(new Error('no links in this test')),
  }
}

export async function testPorts(): Promise<Rig> {
  const engine = memoryEngine()
  const clock = testClock()
  const table = sqliteTable(engine, clock)
  const relay = testRelay()
  const ports = {
    table,
    sendQueue: sqliteQueue(engine, 'send', clock, { maxAttempts: 5 }),
    webhookQueue: sqliteQueue(engine, 'webhooks', clock, { maxAttempts: 5 }),
    webhookRetriesMs: [0, 5000],
    allowPrivate: true,
    blobs: memoryBlobs(),
    clock,
    compute: directCompute,
    memory: new Semaphore(1024 * 1024 * 1024, systemClock),
    caches: newCaches(clock),
    ids: uuidIds(clock),
    log: silent,
    relay,
    worker: { id: 'boot-1', exclusive: true },
    sendRetries: [60_000, 300_000, 900_000],
    random: () => 0.5,
  }
  await claimDomain(ports, KEY.accountId, 'kabutar.test')
  return ports
}

/** Receives, handles and settles until the queue is empty for now. Answers how many entries there were. */
export async function drain(ports: TestPorts): Promise<number> {
  let handled = 0
  for (let rounds = 0; rounds < 1000; rounds++) {
    const batch = await ports.sendQueue.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 })
    if (batch.length === 0) return handled
    handled += batch.length
    const failures = new Map((await sendBatch(ports, batch, new AbortController().signal)).map((f) => [f.id, f]))
    await ports.sendQueue.settle(
      batch.map((delivery) => {
        const failure = failures.get(delivery.id)
        return failure ? { delivery, ok: false, retryInMs: failure.retryInMs } : { delivery, ok: true }
      }),
    )
  }
  throw new Error('the queue does not come to rest')
}

export const sweepSends = (ports: TestPorts) => sweep(ports, { 'sent-message': dueSend(ports.sendQueue) })

/** Queues an attempt of a message of KEY's account. */
export const queueAttempt = (ports: TestPorts, id: string, attempt = 1) =>
  ports.sendQueue.send([{ body: encodeSendEntry({ accountId: KEY.accountId, id, attempt }) }])
