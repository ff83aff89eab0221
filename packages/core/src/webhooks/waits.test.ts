/** Entries of the webhook queue that wait without an attempt counted, and pauses that a clock set back would prolong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery } from '../ports/queue.ts'
import { StoreError } from '../ports/table.ts'
import { endpointKey } from '../store/keys.ts'
import { dispatchBatch } from './dispatch.ts'
import { createEndpoint } from './endpoints.ts'
import { webhookEntry } from './entry.ts'
import { putEvents } from './event.ts'
import { notify } from './notify.ts'
import { drain, type Rig, receiver, rig } from './rig.test.ts'

const MINUTE = 60_000
const never = new AbortController().signal

async function entryOf({ ports, accountId, event }: Rig, url: string) {
  const { id } = await createEndpoint(ports, accountId, { url, events: ['email.sent'] })
  const sent = event()
  await putEvents(ports.table, accountId, [sent])
  await notify(ports, accountId, [sent])
  const body = webhookEntry({ account: accountId, endpoint: id, message: sent.messageId, event: sent.id, attempt: 1 })
  const delivery: Delivery = { id: 'q', body, attempt: 1, sentAt: ports.clock.now() - MINUTE, handle: 'h' }
  return { id, delivery }
}

test('an entry waits for a store that is away and after a shutdown, and a defect counts as an attempt', async () => {
  const at = rig()
  const { url } = await receiver()
  const { delivery } = await entryOf(at, url)
  const failing = (error: Error) => ({
    ...at.ports,
    limiter: { enter: () => Promise.reject(error) },
  })
  const away = failing(new StoreError('Unavailable', 'the disk is full'))
  const defect = failing(new Error('a defect'))
  const outcomes = [
    await dispatchBatch(away as never, [delivery], never),
    await dispatchBatch(defect as never, [delivery], never),
    await dispatchBatch(defect as never, [delivery], AbortSignal.abort()),
  ]
  assert.deepEqual(outcomes.flat(), [
    { id: 'q', retryInMs: MINUTE, waits: true, reason: 'StoreError: the disk is full' },
    { id: 'q', retryInMs: 5000, reason: 'Error: a defect' },
    { id: 'q', retryInMs: 0, waits: true },
  ])
})

for (const { name, aheadMs, received } of [
  {
    name: 'that ends later than a pause can, since the clock was set back, is over',
    aheadMs: 24 * 60 * MINUTE,
    received: 1,
  },
  { name: 'that has not ended holds its webhooks', aheadMs: 4 * MINUTE, received: 0 },
]) {
  test(`a pause of an endpoint ${name}`, async () => {
    const at = rig()
    const hook = await receiver()
    const { id } = await entryOf(at, hook.url)
    const pausedUntil = at.now() + aheadMs
    await at.ports.table.write({ kind: 'update', key: endpointKey(at.accountId, id), set: { pausedUntil, pauses: 1 } })
    at.ports.caches.endpoints.clear()
    await drain(at.ports)
    assert.equal(hook.received.length, received)
  })
}
