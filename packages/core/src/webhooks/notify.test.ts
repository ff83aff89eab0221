import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RECENT_MS } from '../recent.ts'
import { createEndpoint, deleteEndpoint, updateEndpoint } from './endpoints.ts'
import { notify } from './notify.ts'
import { rig } from './rig.test.ts'

const wanted = { url: 'http://127.0.0.1:1/', events: ['email.sent'] }

test('an endpoint hears at once what its own process tells, and what others tell five seconds later', async () => {
  const { ports, accountId, event, at, now } = rig()
  const other = { ...ports, table: { ...ports.table } }
  const told = async (one: typeof ports) => {
    const before = await ports.webhookQueue.depth()
    await notify(one, accountId, [event()])
    return (await ports.webhookQueue.depth()).ready - before.ready
  }
  assert.deepEqual([await told(ports), await told(other)], [0, 0])
  const { id } = await createEndpoint(ports, accountId, wanted)
  assert.deepEqual([await told(ports), await told(other)], [1, 0])
  at(now() + RECENT_MS)
  assert.deepEqual([await told(ports), await told(other)], [1, 1])
  await updateEndpoint(ports, accountId, id, { events: ['email.bounced'] })
  assert.equal(await told(ports), 0)
  await updateEndpoint(ports, accountId, id, { events: ['email.sent'] })
  assert.equal(await told(ports), 1)
  await deleteEndpoint(ports.table, accountId, id)
  assert.equal(await told(ports), 0)
})
