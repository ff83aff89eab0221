import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogFields } from '../ports/log.ts'
import type { Table, Write } from '../ports/table.ts'
import { itemBytes } from '../ports/table-rules.ts'
import { endpointKey, eventKey } from '../store/keys.ts'
import { getDelivery, getDeliveryAndPayload, listDeliveries, replay } from './deliveries.ts'
import { createEndpoint, deleteEndpoint, getEndpoint, rotateSecret, updateEndpoint } from './endpoints.ts'
import { webhookEntry } from './entry.ts'
import { type MailEvent, payloadBody, putEvents } from './event.ts'
import { notify } from './notify.ts'
import { drain, type Rig, receiver, rig, SCHEDULE, sweep } from './rig.test.ts'

async function happened({ ports, accountId }: Rig, events: readonly MailEvent[]): Promise<void> {
  await putEvents(ports.table, accountId, events)
  await notify(ports, accountId, events)
}
const subscribe = ({ ports, accountId }: Rig, url: string, events = ['email.sent']) =>
  createEndpoint(ports, accountId, { url, events })

test('an event goes to each endpoint that asked for it, signed, and is recorded', async () => {
  const at = rig()
  const [sent, bounced, off] = [await receiver(), await receiver(), await receiver()]
  const endpoint = await subscribe(at, sent.url)
  await subscribe(at, bounced.url, ['email.bounced'])
  const disabled = await subscribe(at, off.url)
  await updateEndpoint(at.ports, at.accountId, disabled.id, { enabled: false })
  const event = at.event()
  await happened(at, [event])
  assert.equal(await drain(at.ports), 1)
  assert.deepEqual([sent.received.length, bounced.received.length, off.received.length], [1, 0, 0])
  const [got] = sent.received
  assert.equal(got?.body, payloadBody(event))
  assert.equal(got?.headers['svix-id'], event.id)
  assert.equal(got?.headers['user-agent'], 'Kabutar/0.1.0')
  assert.equal(got?.headers['content-type'], 'application/json')
  const delivery = await getDelivery(at.ports.table, at.accountId, endpoint.id, event.id)
  assert.equal(delivery.status, 'success')
  const [{ durationMs, ...made } = { durationMs: 0 }] = delivery.attempts
  assert.deepEqual(made, { number: 1, code: 200, response: 'thanks', at: at.now() })
  assert.ok(durationMs !== undefined && durationMs < 5000)
})

test('the schedule is kept for 27.5 hours, then the event is given up', async () => {
  const at = rig()
  const start = at.now()
  const times: number[] = []
  const dead = await receiver((request, response) => {
    times.push(at.now() - start)
    request.resume()
    response.writeHead(503).end('x'.repeat(5000))
  })
  const endpoint = await subscribe(at, dead.url)
  const event = at.event()
  await happened(at, [event])
  for (let n = 0; n < 20; n++) {
    await drain(at.ports)
    const { status, nextAt } = await getDelivery(at.ports.table, at.accountId, endpoint.id, event.id)
    if (status !== 'pending') break
    at.at(Math.max(at.now(), nextAt - 45_000))
    await sweep(at.ports)
    assert.equal(await drain(at.ports), 0, 'not before its time')
    at.at(nextAt)
  }
  let sum = 0
  assert.deepEqual(
    times,
    SCHEDULE.map((wait) => (sum += wait)),
  )
  assert.equal(sum, 27.5 * 3600_000 + 5 * 60_000 + 5000)
  const delivery = await getDelivery(at.ports.table, at.accountId, endpoint.id, event.id)
  assert.equal(delivery.status, 'failed')
  assert.equal(delivery.attempts.length, 8)
  assert.deepEqual(await at.ports.webhookQueue.depth(), { ready: 0, leased: 0, delayed: 0 })
  at.at(at.now() + 3600_000)
  assert.equal(await sweep(at.ports), 0)
})

test('an entry that comes twice is delivered once, and one of an earlier attempt is dropped', async () => {
  const at = rig()
  const sink = await receiver()
  const endpoint = await subscribe(at, sink.url)
  const event = at.event()
  await happened(at, [event])
  const body = { account: at.accountId, endpoint: endpoint.id, message: event.messageId, event: event.id, attempt: 1 }
  await at.ports.webhookQueue.send([{ body: webhookEntry(body) }])
  await drain(at.ports)
  await at.ports.webhookQueue.send([{ body: webhookEntry(body) }, { body: webhookEntry({ ...body, attempt: 3 }) }])
  await drain(at.ports)
  assert.equal(sink.received.length, 1)
})

test('an attempt that is recorded as failed is not made again by a second entry', async () => {
  const at = rig()
  const sink = await receiver(500)
  const endpoint = await subscribe(at, sink.url)
  const event = at.event()
  await happened(at, [event])
  await drain(at.ports)
  await notify(at.ports, at.accountId, [event])
  await drain(at.ports)
  assert.equal(sink.received.length, 1)
  const delivery = await getDelivery(at.ports.table, at.accountId, endpoint.id, event.id)
  assert.equal(delivery.made, 1)
})

test('broken entries go back to the queue and do not hold up others', async () => {
  const at = rig()
  const sink = await receiver()
  await subscribe(at, sink.url)
  await at.ports.webhookQueue.send([{ body: 'no JSON' }, { body: '{"v":2}' }])
  await happened(at, [at.event()])
  await drain(at.ports)
  assert.equal(sink.received.length, 1)
  assert.equal((await at.ports.webhookQueue.depth()).delayed, 2)
})

test('a replay sends the same id and bytes again and starts the schedule again', async () => {
  const at = rig()
  const sink = await receiver()
  const endpoint = await subscribe(at, sink.url)
  const event = at.event()
  await happened(at, [event])
  await drain(at.ports)
  await replay(at.ports, at.accountId, endpoint.id, event.id)
  await drain(at.ports)
  const [first, second] = sink.received
  assert.deepEqual([first?.body, first?.headers['svix-id']], [second?.body, second?.headers['svix-id']])
  const { delivery } = await getDeliveryAndPayload(at.ports.table, at.accountId, endpoint.id, event.id)
  assert.deepEqual([delivery.status, delivery.made, delivery.madeBefore], ['success', 2, 1])
  await updateEndpoint(at.ports, at.accountId, endpoint.id, { url: (await receiver(500)).url })
  await replay(at.ports, at.accountId, endpoint.id, event.id)
  await drain(at.ports)
  const again = await getDelivery(at.ports.table, at.accountId, endpoint.id, event.id)
  assert.deepEqual([again.status, again.made, again.nextAt], ['pending', 3, at.now() + 5000])
  assert.deepEqual(
    again.attempts.map(({ replayed }) => replayed),
    [undefined, true, true],
  )
  await updateEndpoint(at.ports, at.accountId, endpoint.id, { enabled: false })
  await assert.rejects(replay(at.ports, at.accountId, endpoint.id, event.id), { code: 'conflict' })
  const unknown = replay(at.ports, 'other', endpoint.id, event.id)
  await assert.rejects(unknown, { code: 'not_found' })
})

test('the body is the text in the row of the event, byte for byte', async () => {
  const at = rig()
  const sink = await receiver()
  await subscribe(at, sink.url)
  const event = at.event()
  await happened(at, [event])
  const key = eventKey(at.accountId, event.messageId, event.id)
  await at.ports.table.write({ kind: 'update', key, set: { data: '{ "b":1,"a":"\\u00e4" }' } })
  await drain(at.ports)
  const created = event.createdAt.toISOString()
  const expected = `{"type":"email.sent","created_at":"${created}","data":{ "b":1,"a":"\\u00e4" }}`
  assert.equal(sink.received[0]?.body, expected)
})

test('deliveries to a deleted or disabled endpoint end', async () => {
  for (const end of [
    (at: Rig, id: string) => deleteEndpoint(at.ports, at.accountId, id),
    (at: Rig, id: string) => updateEndpoint(at.ports, at.accountId, id, { enabled: false }),
  ]) {
    const at = rig()
    const sink = await receiver(500)
    const endpoint = await subscribe(at, sink.url)
    const event = at.event()
    await happened(at, [event])
    await drain(at.ports)
    await end(at, endpoint.id)
    at.at(at.now() + 5000)
    await drain(at.ports)
    assert.equal(sink.received.length, 1)
    assert.equal((await getDelivery(at.ports.table, at.accountId, endpoint.id, event.id)).status, 'failed')
    at.at(at.now() + 3600_000)
    assert.equal(await sweep(at.ports), 0)
  }
})

test('five days of failures disable an endpoint; enabling it forgets them', async () => {
  const at = rig()
  const { ports, accountId } = at
  ports.webhookRetriesMs = [0]
  const endpoint = await subscribe(at, (await receiver(500)).url)
  for (const [days, enabled] of [
    [0, true],
    [4, true],
    [5.1, false],
  ] as const) {
    at.at(Date.UTC(2026, 0, 1) + days * 86_400_000)
    await happened(at, [at.event('email.sent', days)])
    await drain(ports)
    assert.equal((await getEndpoint(ports.table, accountId, endpoint.id)).enabled, enabled, `day ${days}`)
  }
  await updateEndpoint(ports, accountId, endpoint.id, { enabled: true })
  assert.equal((await getEndpoint(ports.table, accountId, endpoint.id)).failingSince, 0)
})

test('after a rotation both secrets sign for a day', async () => {
  const at = rig()
  const sink = await receiver()
  const { id, secret } = await subscribe(at, sink.url)
  const rotated = await rotateSecret(at.ports, at.accountId, id)
  assert.notEqual(rotated.secret, secret)
  for (const hours of [0, 23.9, 24.1]) {
    at.at(Date.UTC(2026, 0, 1) + hours * 3600_000)
    await happened(at, [at.event()])
    await drain(at.ports)
  }
  const signatures = sink.received.map(({ headers }) => String(headers['svix-signature']).split(' ').length)
  assert.deepEqual(signatures, [2, 2, 1])
})

test('lists go from the newest to the oldest over the days, page by page', async () => {
  const at = rig()
  const sink = await receiver()
  const endpoint = await subscribe(at, sink.url)
  const ids: string[] = []
  for (let n = 0; n < 25; n++) {
    at.at(Date.UTC(2026, 0, 1) + n * 8 * 3600_000)
    const event = at.event()
    ids.unshift(event.id)
    await happened(at, [event])
    await drain(at.ports)
  }
  for (const limit of [1, 2, 3, 7, 25, 100]) {
    const seen: string[] = []
    for (let after: string | undefined; seen.length <= ids.length; after = seen.at(-1)) {
      const page = await listDeliveries(at.ports.table, at.accountId, endpoint.id, { limit, ...(after && { after }) })
      assert.ok(page.items.length <= limit)
      seen.push(...page.items.map(({ eventId }) => eventId))
      if (!page.hasMore) break
    }
    assert.deepEqual(seen, ids, `limit ${limit}`)
  }
})

test('a delivery costs two write units, one before and one after the request, and the first of a day one more', async () => {
  const at = rig({ timeoutMs: 10_000 })
  const sink = await receiver()
  await subscribe(at, sink.url)
  const events = Array.from({ length: 30 }, (_, n) => at.event('email.sent', n))
  const counted = unitsOf(at.ports.table)
  const ports = { ...at.ports, table: counted.table }
  await putEvents(at.ports.table, at.accountId, events)
  await notify(ports, at.accountId, events)
  assert.equal(counted.units(), 31)
  await drain(ports)
  assert.equal(sink.received.length, 30)
  assert.equal(counted.units(), 61)
})

function unitsOf(table: Table) {
  let units = 0
  const write = (w: Write) => {
    units += w.kind === 'put' ? Math.ceil(itemBytes(w.item) / 1024) : 1
    return table.write(w)
  }
  return { table: { ...table, write }, units: () => units }
}

test('a row that cannot be read keeps no other endpoint and no other event of the batch from being told', async () => {
  const at = rig()
  const errors: string[] = []
  const log = {
    ...at.ports.log,
    error: (message: string, { row }: LogFields = {}) => void errors.push(`${message} ${row}`),
  }
  const damaged = { ...at, ports: { ...at.ports, log } }
  const well = await receiver()
  const endpoint = await subscribe(damaged, well.url)
  const bad = await subscribe(damaged, well.url)
  const events = [at.event('email.sent', 1), at.event('email.sent', 2)]
  // One endpoint is damaged before the event, then an event is damaged that waits in the same batch as another.
  await at.ports.table.write({ kind: 'put', item: endpointKey(at.accountId, bad.id) })
  await happened(damaged, events)
  const [lost, told] = events
  await at.ports.table.write({ kind: 'put', item: eventKey(at.accountId, lost?.messageId ?? '', lost?.id ?? '') })
  assert.equal(await drain(damaged.ports), 2)
  assert.deepEqual(
    well.received.map(({ headers }) => headers['svix-id']),
    [told?.id],
  )
  assert.deepEqual(errors, [
    `a row cannot be read and is left out of a list acc#webhooks ${bad.id}`,
    'an entry waits for what is not there and comes back undefined',
  ])
  assert.equal((await getDelivery(at.ports.table, at.accountId, endpoint.id, told?.id ?? '')).status, 'success')
  assert.equal((await at.ports.webhookQueue.depth()).delayed, 1)
})
