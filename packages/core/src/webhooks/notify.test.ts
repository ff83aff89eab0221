import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEndpoint, deleteEndpoint, updateEndpoint } from './endpoints.ts'
import { notify } from './notify.ts'
import { rig } from './rig.test.ts'

const wanted = { url: 'http://127.0.0.1:1/', events: ['email.sent'] }

test('an endpoint hears of the first event after it was made, whichever process tells', async () => {
  const { ports, accountId, event } = rig()
  const other = { ...ports, table: { ...ports.table } }
  const told = async (one: typeof ports) => {
    const before = await ports.webhookQueue.depth()
    await notify(one, accountId, [event()])
    return (await ports.webhookQueue.depth()).ready - before.ready
  }
  const toldByBoth = async () => [await told(ports), await told(other)]
  assert.deepEqual(await toldByBoth(), [0, 0])
  const { id } = await createEndpoint(ports, accountId, wanted)
  assert.deepEqual(await toldByBoth(), [1, 1])
  await updateEndpoint(ports, accountId, id, { events: ['email.bounced'] })
  assert.deepEqual(await toldByBoth(), [0, 0])
  await deleteEndpoint(ports.table, accountId, id)
  assert.deepEqual(await toldByBoth(), [0, 0])
})
