import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Query } from '../ports/table.ts'
import { newCaches } from '../store/cache.ts'
import { createEndpoint, deleteEndpoint, listEndpoints, updateEndpoint } from './endpoints.ts'
import { putEvents } from './event.ts'
import { notify } from './notify.ts'
import { drain, receiver, rig, sweep } from './rig.test.ts'

const wanted = { url: 'http://127.0.0.1:1/', events: ['email.sent'] }

test('an endpoint gets the first event after it was made, from every process', async () => {
  const { ports, accountId, event, at, now } = rig()
  const other = { ...ports, caches: newCaches(ports.clock) }
  const queued = async (one: typeof ports) => {
    const before = await ports.webhookQueue.depth()
    await notify(one, accountId, [event()])
    return (await ports.webhookQueue.depth()).ready - before.ready
  }
  const expectQueued = async (expected: number) => {
    at(now() + 1)
    assert.deepEqual([await queued(ports), await queued(other)], [expected, expected])
  }
  await expectQueued(0)
  const { id } = await createEndpoint(ports, accountId, wanted)
  await expectQueued(1)
  await updateEndpoint(ports, accountId, id, { events: ['email.bounced'] })
  await expectQueued(0)
  await deleteEndpoint(ports, accountId, id)
  await expectQueued(0)
})

test('events from before the endpoints were last read need no other read, for five seconds', async () => {
  const { ports, accountId, event, at, now } = rig()
  await createEndpoint(ports, accountId, wanted)
  let reads = 0
  const table = {
    ...ports.table,
    query: (query: Query) => {
      reads++
      return ports.table.query(query)
    },
  }
  const happened = event()
  at(now() + 1)
  await notify({ ...ports, table }, accountId, [happened])
  await notify({ ...ports, table }, accountId, [happened])
  assert.equal(reads, 1)
  at(now() + 5000)
  await notify({ ...ports, table }, accountId, [happened])
  assert.equal(reads, 2)
})

test('an endpoint that was just made or enabled elsewhere gets its deliveries', async () => {
  const { ports, accountId, event } = rig()
  const sink = await receiver()
  const elsewhere = { ...ports, caches: newCaches(ports.clock) }
  const happens = async () => {
    const happened = event()
    await putEvents(ports.table, accountId, [happened])
    await notify(elsewhere, accountId, [happened])
  }
  await listEndpoints(ports, accountId)
  const { id } = await createEndpoint(elsewhere, accountId, { ...wanted, url: sink.url })
  await happens()
  assert.equal(await drain(ports), 1)
  await updateEndpoint(elsewhere, accountId, id, { enabled: false })
  ports.caches.endpoints.clear()
  await listEndpoints(ports, accountId)
  await updateEndpoint(elsewhere, accountId, id, { enabled: true })
  await happens()
  assert.equal(await drain(ports), 1)
  assert.equal(sink.received.length, 2)
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
