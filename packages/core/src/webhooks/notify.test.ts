import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newCaches } from '../store/cache.ts'
import { createEndpoint, deleteEndpoint, updateEndpoint } from './endpoints.ts'
import { putEvents } from './event.ts'
import { notify } from './notify.ts'
import { drain, receiver, rig, sweep } from './rig.test.ts'

const wanted = { url: 'http://127.0.0.1:1/', events: ['email.sent'] }

test('an endpoint gets the first event after it was made, and from another process after five seconds', async () => {
  const { ports, accountId, event, at, now } = rig()
  const other = { ...ports, caches: newCaches(ports.clock) }
  const queued = async (one: typeof ports) => {
    const before = await ports.webhookQueue.depth()
    await notify(one, accountId, [event()])
    return (await ports.webhookQueue.depth()).ready - before.ready
  }
  const expectQueued = async (before: number, after: number) => {
    assert.deepEqual([await queued(ports), await queued(other)], [after, before])
    at(now() + 5000)
    assert.equal(await queued(other), after)
  }
  await expectQueued(0, 0)
  const { id } = await createEndpoint(ports, accountId, wanted)
  await expectQueued(0, 1)
  await updateEndpoint(ports, accountId, id, { events: ['email.bounced'] })
  await expectQueued(1, 0)
  await deleteEndpoint(ports, accountId, id)
  await expectQueued(0, 0)
})

test('an event whose first queue entry is lost is delivered within two minutes', async () => {
  const { ports, accountId, event, at, now } = rig()
  const sink = await receiver()
  await createEndpoint(ports, accountId, { ...wanted, url: sink.url })
  const happened = event()
  await putEvents(ports.table, accountId, [happened])
  const lossy = { ...ports, webhookQueue: { ...ports.webhookQueue, send: async () => {} } }
  await notify(lossy, accountId, [happened])
  assert.equal(await drain(ports), 0)
  at(now() + 2 * 60_000)
  assert.equal(await sweep(ports), 1)
  await drain(ports)
  assert.deepEqual(
    sink.received.map(({ headers }) => headers['svix-id']),
    [happened.id],
  )
})
