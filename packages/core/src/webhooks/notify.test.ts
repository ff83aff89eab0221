import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEndpoint, deleteEndpoint, updateEndpoint } from './endpoints.ts'
import { parseWebhookEntry } from './entry.ts'
import { eventKeyOf, receivedEventId } from './event.ts'
import { notify } from './notify.ts'
import { rig } from './rig.test.ts'

test('an entry names the type of its event, which leads to the same row as the id alone', async () => {
  const { ports, accountId, event } = rig()
  await createEndpoint(ports, accountId, { url: 'http://127.0.0.1:1/', events: ['email.sent', 'email.received'] })
  const sent = event()
  const received = { ...sent, type: 'email.received' as const, id: receivedEventId(accountId, sent.messageId) }
  await notify(ports, accountId, [sent, received])
  const entries = await ports.webhookQueue.receive({ max: 2, visibilityMs: 1000, waitMs: 0 })
  for (const { account, message, event: id, type } of entries.map(({ body }) => parseWebhookEntry(body))) {
    assert.equal(type, id === sent.id ? 'email.sent' : 'email.received')
    assert.deepEqual(eventKeyOf(account, message, id, type), eventKeyOf(account, message, id))
  }
  assert.equal(entries.length, 2)
})

const wanted = { url: 'http://127.0.0.1:1/', events: ['email.sent'] }

test('an endpoint gets the first event after it was made, whichever process queues it', async () => {
  const { ports, accountId, event } = rig()
  const other = { ...ports, table: { ...ports.table } }
  const queued = async (one: typeof ports) => {
    const before = await ports.webhookQueue.depth()
    await notify(one, accountId, [event()])
    return (await ports.webhookQueue.depth()).ready - before.ready
  }
  const queuedByBoth = async () => [await queued(ports), await queued(other)]
  assert.deepEqual(await queuedByBoth(), [0, 0])
  const { id } = await createEndpoint(ports, accountId, wanted)
  assert.deepEqual(await queuedByBoth(), [1, 1])
  await updateEndpoint(ports, accountId, id, { events: ['email.bounced'] })
  assert.deepEqual(await queuedByBoth(), [0, 0])
  await deleteEndpoint(ports.table, accountId, id)
  assert.deepEqual(await queuedByBoth(), [0, 0])
})
