/** What the tests of sending share: the real engine in memory, a clock that stands still, a relay that keeps what it got. */

import type { ApiKey } from '@kabutar/core/accounts/keys.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import type { Draft } from '@kabutar/core/messages/draft.ts'
import type { Blobs } from '@kabutar/core/ports/blobs.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Relay, RelayEnvelope, RelayResult } from '@kabutar/core/ports/relay.ts'
import { dueSend } from '@kabutar/core/sending/entry.ts'
import { sendBatch } from '@kabutar/core/sending/send.ts'
import type { SendPorts } from '@kabutar/core/sending/send-ports.ts'
import type { SubmitPorts } from '@kabutar/core/sending/submit.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { sweep } from '@kabutar/core/store/outbox.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'

export type TestPorts = SubmitPorts & SendPorts & { readonly allowPrivate: boolean }
export type Rig = TestPorts & { readonly clock: TestClock; readonly relay: TestRelay }
export type TestClock = Clock & { advance(ms: number): void }
export type Relayed = RelayEnvelope & { readonly raw: Uint8Array; readonly messageId: string }
export type TestRelay = Relay & {
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

export function testRelay(): TestRelay {
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

const noBlobs: Blobs = {
  put: () => Promise.reject(new Error('no blobs in this test')),
  get: async () => undefined,
  open: async () => undefined,
  delete: async () => {},
  link: () => Promise.reject(new Error('no blobs in this test')),
  uploadLink: () => Promise.reject(new Error('no blobs in this test')),
}

export async function testPorts(): Promise<Rig> {
  const engine = memoryEngine()
  const clock = testClock()
  const table = sqliteTable(engine, clock)
  const relay = testRelay()
  const ports = {
    table,
    sendQueue: sqliteQueue(engine, 'send', clock, { maxAttempts: 5 }),
    packAbove: 1024,
    webhookQueue: sqliteQueue(engine, 'webhooks', clock, { maxAttempts: 5 }),
    webhookRetriesMs: [0, 5000],
    allowPrivate: true,
    blobs: noBlobs,
    clock,
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
