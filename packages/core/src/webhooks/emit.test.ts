import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sweep } from '../store/sweep.ts'
import { dueEvent, emit, newEvent } from './emit.ts'
import { createEndpoint } from './endpoints.ts'
import { drain, receiver, rig } from './rig.test.ts'

const MINUTE = 60_000

/** Makes an event and writes it, as the transaction of an operation does. */
async function written(at: ReturnType<typeof rig>) {
  const { event, put } = newEvent(at.ports, at.accountId, 'domain.created', { id: '1' })
  await at.ports.table.transact([put])
  return event
}
const sweepEvents = (at: ReturnType<typeof rig>) => sweep(at.ports, { event: dueEvent(at.ports.webhookQueue) })

test('an emitted event goes to every endpoint that asked for it, and leaves nothing to the sweep', async () => {
  const at = rig()
  const sinks = await Promise.all([receiver(), receiver(), receiver()])
  for (const [n, { url }] of sinks.entries()) {
    const events = n === 2 ? ['domain.deleted'] : ['domain.created']
    await createEndpoint(at.ports, at.accountId, { url, events })
  }
  const event = await written(at)
  await emit(at.ports, at.accountId, event)
  at.at(at.now() + 3 * MINUTE)
  assert.equal(await sweepEvents(at), 0)
  await drain(at.ports)
  assert.deepEqual(
    sinks.map(({ received }) => received.map(({ headers }) => headers['svix-id'])),
    [[event.id], [event.id], []],
  )
})

test('the sweep queues an event that was written and not emitted, once', async () => {
  const at = rig()
  const sink = await receiver()
  await createEndpoint(at.ports, at.accountId, { url: sink.url, events: ['domain.created'] })
  const event = await written(at)
  at.at(at.now() + 2 * MINUTE)
  assert.equal(await sweepEvents(at), 1)
  await drain(at.ports)
  at.at(at.now() + 20 * MINUTE)
  assert.equal(await sweepEvents(at), 0)
  assert.deepEqual(
    sink.received.map(({ headers, body }) => [headers['svix-id'], JSON.parse(body).type]),
    [[event.id, 'domain.created']],
  )
})
