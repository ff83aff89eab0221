/** No wait is a chain of queue entries that Lambda would stop, and a table that is busy makes no second request. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seeded } from '@kabutar/testing/faults.ts'
import type { GuardedClient } from '../net/guarded.ts'
import { GuardError } from '../net/url.ts'
import type { Queue } from '../ports/queue.ts'
import { StoreError, type Table } from '../ports/table.ts'
import { keyOf } from '../ports/table-rules.ts'
import { getDelivery, listDeliveries } from './deliveries.ts'
import { dispatchBatch } from './dispatch.ts'
import { dispatchState } from './dispatch-ports.ts'
import { createEndpoint, getEndpoint } from './endpoints.ts'
import { parseWebhookEntry } from './entry.ts'
import { type MailEvent, putEvents } from './event.ts'
import { type NotifyPorts, notify } from './notify.ts'
import { drain, rig, sweep } from './rig.test.ts'

const MINUTE = 60_000
const URL = 'https://hook.example/'

type Answer = () => Promise<number>

/** The rig with an endpoint that no network is behind. `posts` counts requests by event, `chains` entries in a row. */
async function pretended(answer: Answer) {
  const at = rig()
  const posts = new Map<string, number>()
  const request: GuardedClient['request'] = async ({ headers }) => {
    const id = String((headers as Record<string, string>)['svix-id'])
    posts.set(id, (posts.get(id) ?? 0) + 1)
    return { status: await answer(), headers: {}, body: Buffer.from(''), truncated: false }
  }
  const client: GuardedClient = { timeoutMs: 15_000, request, close: () => undefined }
  const { id: endpoint } = await createEndpoint(at.ports, at.accountId, { url: URL, events: ['email.sent'] })
  const chains = { longest: 0 }
  const webhookQueue: Queue = {
    ...at.ports.webhookQueue,
    async send(messages) {
      for (const { body } of messages) chains.longest = Math.max(chains.longest, parseWebhookEntry(body).chained ?? 0)
      await at.ports.webhookQueue.send(messages)
    },
  }
  const ports = { ...at.ports, client, webhookQueue: webhookQueue as Queue, ...dispatchState(client, at.ports) }
  return { at: { ...at, ports }, posts, endpoint, chains }
}

type Pretended = Awaited<ReturnType<typeof pretended>>['at']

async function happened({ ports, accountId, event }: Pretended, count: number) {
  const events = Array.from({ length: count }, (_, n) => event('email.sent', n))
  await putEvents(ports.table, accountId, events)
  await notify(ports, accountId, events)
  return events
}

test('an endpoint that hangs for 27 hours gets its events afterwards, in no chain of entries', async () => {
  let up = false
  const { at, posts, endpoint, chains } = await pretended(async () => {
    if (!up) throw new GuardError('timeout', 'no answer within 15 s')
    return 200
  })
  const events = await happened(at, 20)
  for (let minutes = 0; minutes < 28 * 60; minutes += 5) {
    up = minutes >= 27 * 60
    const { pauses } = await getEndpoint(at.ports.table, at.accountId, endpoint)
    // A probe every five minutes, as an endpoint that hangs gets.
    if (!up && pauses === 0) await pause(at, endpoint)
    await sweep(at.ports)
    await drain(at.ports)
    at.at(at.now() + 5 * MINUTE)
  }
  assert.equal(posts.size, events.length)
  for (const { id } of events) {
    const { status } = await getDelivery(at.ports.table, at.accountId, endpoint, id)
    assert.equal(status, 'success')
  }
  assert.ok(chains.longest <= 3, `${chains.longest} entries in a row`)
})

async function pause({ ports, accountId, now }: Pretended, endpoint: string): Promise<void> {
  const key = { pk: `${accountId}#webhooks`, sk: endpoint }
  await ports.table.write({ kind: 'update', key, set: { pausedUntil: now() + 5 * MINUTE, pauses: 9 } })
  ports.caches.endpoints.clear()
}

test('a burst for an endpoint that is busy is delivered within minutes, in no chain of more than four entries', async (t) => {
  const { at, posts, chains } = await pretended(async () => 200)
  // The endpoint takes 4 requests a second.
  let free = 0
  const { limiter } = at.ports
  const enter = limiter.enter.bind(limiter)
  limiter.enter = async (...call) => (free-- > 0 ? enter(...call) : { putOff: 'busy', waitMs: 3500 })
  const events = await happened(at, 500)
  let seconds = 0
  for (; posts.size < events.length && seconds < 3600; seconds += 5) {
    free = 20
    if (seconds % 60 === 0) await sweep(at.ports)
    await drain(at.ports)
    at.at(at.now() + 5000)
  }
  t.diagnostic(`500 events, 4 a second: ${seconds} s, ${chains.longest + 1} entries in a row at most`)
  assert.equal(posts.size, 500)
  assert.ok(seconds < 10 * 60, `${seconds} s`)
  assert.equal(Math.max(...posts.values()), 1)
  assert.ok(chains.longest <= 3, `${chains.longest + 1} entries in a row`)
})

/** The table, whose partitions of deliveries take only a share of the writes. */
function throttled(table: Table, share: number): Table {
  const random = seeded(1)
  return {
    ...table,
    async write(write) {
      if (keyOf(write).pk.includes('#hook#') && random() > share) throw new StoreError('Throttled', 'injected')
      return table.write(write)
    },
  }
}

for (const share of [0.8, 0.5, 0.2]) {
  test(`each event is posted once while the table takes ${share * 100} % of the writes of deliveries`, async () => {
    const { at, posts, endpoint } = await pretended(async () => 200)
    const busy = { ...at, ports: { ...at.ports, table: throttled(at.ports.table, share) } }
    const events = Array.from({ length: 200 }, (_, n) => at.event('email.sent', n))
    await putEvents(at.ports.table, at.accountId, events)
    for (const event of events) await notifyUntilQueued(busy, event)
    for (let rounds = 0; rounds < 30; rounds++) {
      await drain(busy.ports)
      at.at(at.now() + 30_000)
    }
    const { items } = await listDeliveries(at.ports.table, at.accountId, endpoint, { limit: 300 })
    assert.equal(items.filter(({ status }) => status === 'success').length, 200)
    assert.deepEqual([posts.size, Math.max(...posts.values())], [200, 1])
  })
}

type Notified = { readonly ports: NotifyPorts; readonly accountId: string }

/** A source that is not acknowledged comes again. */
async function notifyUntilQueued({ ports, accountId }: Notified, event: MailEvent): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    try {
      return await notify(ports, accountId, [event])
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
    }
  }
}

test('entries wait for a table that cannot be read, and none of them counts an attempt', async () => {
  const { at } = await pretended(async () => 200)
  await happened(at, 2)
  const batch = await at.ports.webhookQueue.receive({ max: 10, visibilityMs: MINUTE, waitMs: 0 })
  const getMany = () => Promise.reject(new StoreError('Throttled', 'injected'))
  const ports = { ...at.ports, table: { ...at.ports.table, getMany } }
  const failures = await dispatchBatch(ports, batch, new AbortController().signal)
  assert.deepEqual(
    failures.map(({ waits }) => waits),
    [true, true],
  )
})
