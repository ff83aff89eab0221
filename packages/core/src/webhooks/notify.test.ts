import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEndpoint, deleteEndpoint, updateEndpoint } from './endpoints.ts'
import { notify } from './notify.ts'
import { rig } from './rig.test.ts'

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
