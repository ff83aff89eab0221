import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WEBHOOK_PAYLOADS } from '@kabutar/http/webhook-payloads.ts'
import { deliveryKeyOf, deliveryOf } from './delivery.ts'
import { createEndpoint, updateEndpoint } from './endpoints.ts'
import { EVENT_TYPES, readPayload } from './event.ts'
import { drain, receiver, rig } from './rig.test.ts'
import { sendTestEvent } from './test-event.ts'

test('a test event of each type has the form of its type, and is delivered once to the one endpoint', async () => {
  const { ports, accountId } = rig()
  const [wanted, other] = [await receiver(), await receiver()]
  const { id } = await createEndpoint(ports, accountId, { url: wanted.url, events: ['email.bounced'] })
  await createEndpoint(ports, accountId, { url: other.url, events: ['email.bounced'] })
  for (const type of EVENT_TYPES) {
    const event = await sendTestEvent(ports, accountId, id, type)
    const row = await ports.table.get(deliveryKeyOf(accountId, id, event.id))
    assert.ok(row)
    const payload = await readPayload(ports.table, accountId, deliveryOf(row).messageId, event.id)
    const body = JSON.parse(payload?.body ?? '') as { readonly data: { readonly test: unknown } }
    WEBHOOK_PAYLOADS.get(type)?.parse(body)
    assert.equal(body.data.test, true)
    await drain(ports)
  }
  assert.equal((await sendTestEvent(ports, accountId, id)).type, 'email.bounced')
  await drain(ports)
  assert.deepEqual([wanted.received.length, other.received.length], [EVENT_TYPES.length + 1, 0])
})

test('a test event is refused for an unknown type, an unknown endpoint and a disabled one', async () => {
  const { ports, accountId } = rig()
  const { id } = await createEndpoint(ports, accountId, { url: 'https://hook.test/', events: ['email.sent'] })
  await assert.rejects(sendTestEvent(ports, accountId, id, 'email.lost'), { code: 'invalid_message' })
  await assert.rejects(sendTestEvent(ports, accountId, ports.ids.next()), { code: 'not_found' })
  await assert.rejects(sendTestEvent(ports, 'another', id), { code: 'not_found' })
  await updateEndpoint(ports, accountId, id, { enabled: false })
  await assert.rejects(sendTestEvent(ports, accountId, id), { code: 'conflict' })
})
