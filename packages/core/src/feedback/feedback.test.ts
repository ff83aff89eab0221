import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DRAFT, drain, KEY, type Rig, testPorts } from '@kabutar/testing/sending-rig.ts'
import { readMessage } from '../messages/message.ts'
import type { Delivery } from '../ports/queue.ts'
import { RelayError } from '../ports/relay.ts'
import type { Table } from '../ports/table.ts'
import { lastEvent } from '../sending/status.ts'
import { submit } from '../sending/submit.ts'
import { listSuppressions } from '../suppressions/suppressions.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { eventsOf } from '../webhooks/event.ts'
import { feedbackBatch } from './feedback.ts'
import type { FeedbackPorts } from './record.ts'

const AT = '2026-11-22T12:00:05.000Z'
const never = new AbortController().signal

type Detail = { readonly [name: string]: unknown }
type Told = { readonly type: string; readonly detail: Detail }
const bob = { emailAddress: 'Bob@Y.test', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 user unknown' }
const DELIVERY: Told = { type: 'Delivery', detail: { delivery: { timestamp: AT, recipients: ['bob@y.test'] } } }
const bounce = (bounceType: string, bounceSubType: string): Told => ({
  type: 'Bounce',
  detail: { bounce: { bounceType, bounceSubType, bouncedRecipients: [bob], timestamp: AT, feedbackId: 'f' } },
})
const COMPLAINT: Told = {
  type: 'Complaint',
  detail: { complaint: { complainedRecipients: [{ emailAddress: 'bob@y.test' }], complaintFeedbackType: 'abuse' } },
}
const delay = (timestamp: string): Told => ({
  type: 'DeliveryDelay',
  detail: {
    deliveryDelay: {
      timestamp,
      delayType: 'MailboxFull',
      delayedRecipients: [{ emailAddress: 'bob@y.test', status: '4.2.2', diagnosticCode: 'smtp; 452 4.2.2 full' }],
    },
  },
})
const REJECT: Told = { type: 'Reject', detail: { reject: { reason: 'Bad content' } } }

const bodyOf = (id: string, { type, detail }: Told) =>
  JSON.stringify({
    eventType: type,
    mail: {
      timestamp: AT,
      messageId: 'ses-1',
      destination: ['bob@y.test'],
      tags: { 'ses:configuration-set': ['kabutar'], kabutar_account: ['a'], kabutar_id: [id] },
    },
    ...detail,
  })

const delivery = (body: string, id = 'q1'): Delivery => ({ id, body, attempt: 1, sentAt: 0, handle: 'h' })
const portsOf = (rig: Rig): Rig & FeedbackPorts => ({ ...rig, messageIdOf: (relayId) => `<${relayId}@email.test>` })

async function sent(draft = DRAFT) {
  const ports = portsOf(await testPorts())
  ports.relay.answer = () => ({ relayId: 'ses-1', messageId: '<ses-1@email.test>', outcome: 'sent', rejected: [] })
  const { id } = await submit(ports, KEY, draft)
  await drain(ports)
  const feed = async (...told: readonly Told[]) => {
    for (const one of told) assert.deepEqual(await feedbackBatch(ports, [delivery(bodyOf(id, one))], never), [])
  }
  const row = async () => {
    const message = await readMessage(ports.table, 'a', id)
    assert.ok(message)
    return message
  }
  const types = async () => (await eventsOf(ports.table, 'a', id)).map(({ type }) => type).sort()
  return { ports, id, feed, row, types }
}

describe('what SES says of a sent message', () => {
  const cases: { name: string; told: readonly Told[]; status: string; events: readonly string[] }[] = [
    { name: 'delivered', told: [DELIVERY], status: 'delivered', events: ['email.delivered'] },
    { name: 'bounced', told: [bounce('Permanent', 'NoEmail')], status: 'bounced', events: ['email.bounced'] },
    {
      name: "on SES's own list",
      told: [bounce('Permanent', 'Suppressed')],
      status: 'suppressed',
      events: ['email.suppressed'],
    },
    {
      name: 'complained after delivery',
      told: [DELIVERY, COMPLAINT],
      status: 'complained',
      events: ['email.complained', 'email.delivered'],
    },
    {
      name: 'delivered, heard of after the complaint',
      told: [COMPLAINT, DELIVERY],
      status: 'complained',
      events: ['email.complained', 'email.delivered'],
    },
    { name: 'rejected', told: [REJECT], status: 'failed', events: ['email.failed'] },
    {
      name: 'delayed twice, one told twice, then delivered',
      told: [delay('1'), delay('1'), delay('2'), DELIVERY],
      status: 'delivered',
      events: ['email.delivered', 'email.delivery_delayed', 'email.delivery_delayed'],
    },
    { name: 'told twice', told: [DELIVERY, DELIVERY], status: 'delivered', events: ['email.delivered'] },
    { name: 'a type of no interest', told: [{ type: 'Open', detail: {} }], status: 'sent', events: [] },
  ]
  for (const { name, told, status, events } of cases) {
    test(name, async () => {
      const { feed, row, types } = await sent()
      await feed(...told)
      const { recipients, due, messageId } = await row()
      assert.deepEqual(recipients, [{ address: 'bob@y.test', status, pending: false }])
      assert.deepEqual(await types(), [...events, 'email.sent'].sort())
      assert.deepEqual([due, messageId], [undefined, '<ses-1@email.test>'])
    })
  }

  test('the kind of a bounce is told as SES says it', async () => {
    const { ports, id, feed } = await sent()
    await feed(bounce('Transient', 'MailboxFull'))
    const event = (await eventsOf(ports.table, 'a', id)).find(({ type }) => type === 'email.bounced')
    assert.deepEqual(event?.data.bounce, {
      message: bob.diagnosticCode,
      type: 'Transient',
      subType: 'MailboxFull',
      diagnosticCode: [bob.diagnosticCode],
    })
    assert.equal(event?.data.message_id, '<ses-1@email.test>')
  })

  for (const [told, origin] of [
    [bounce('Permanent', 'General'), 'bounce'],
    [bounce('Permanent', 'OnAccountSuppressionList'), 'bounce'],
    [COMPLAINT, 'complaint'],
    [bounce('Transient', 'General'), undefined],
    [DELIVERY, undefined],
  ] as const) {
    test(`${told.type} ${JSON.stringify(told.detail).slice(0, 80)}: suppressed by ${origin ?? 'nothing'}`, async () => {
      const { ports, id, feed } = await sent()
      await feed(told, told)
      const { items: suppressions } = await listSuppressions(ports.table, 'a', { limit: 10 })
      const expected = origin === undefined ? [] : [{ address: 'bob@y.test', origin, sourceId: id }]
      assert.deepEqual(
        suppressions.map(({ address, origin, sourceId }) => ({ address, origin, sourceId })),
        expected,
      )
    })
  }

  test('each endpoint is told, again if the first time was cut short', async () => {
    const { ports, feed } = await sent()
    await createEndpoint(ports, 'a', { url: 'http://127.0.0.1:1/', events: ['email.delivered'] })
    await feed(DELIVERY, DELIVERY)
    assert.equal((await ports.webhookQueue.depth()).ready, 2)
  })
})

test('an attempt that ended ambiguously is known to have been taken, and does not go again', async () => {
  const ports = portsOf(await testPorts())
  ports.relay.answer = () => new RelayError('ambiguous', 'the answer was lost')
  const { id } = await submit(ports, KEY, DRAFT)
  await drain(ports)
  assert.deepEqual(await feedbackBatch(ports, [delivery(bodyOf(id, DELIVERY))], never), [])
  const message = await readMessage(ports.table, 'a', id)
  assert.deepEqual(message?.recipients, [{ address: 'bob@y.test', status: 'delivered', pending: false }])
  assert.deepEqual([message?.due, message?.messageId], [undefined, '<ses-1@email.test>'])
  const types = (await eventsOf(ports.table, 'a', id)).map(({ type }) => type).sort()
  assert.deepEqual(types, ['email.delivered', 'email.sent'])
})

test('feedback that is faster than our own record changes nothing of what is told', async () => {
  const ports = portsOf(await testPorts())
  const { id } = await submit(ports, KEY, DRAFT)
  const relay = {
    ...ports.relay,
    send: async () => {
      await feedbackBatch(ports, [delivery(bodyOf(id, DELIVERY))], never)
      return { relayId: 'ses-1', messageId: '<ses-1@email.test>', outcome: 'sent' as const, rejected: [] }
    },
  }
  await drain({ ...ports, relay })
  const message = await readMessage(ports.table, 'a', id)
  assert.equal(lastEvent(message?.recipients ?? []), 'delivered')
  const types = (await eventsOf(ports.table, 'a', id)).map(({ type }) => type).sort()
  assert.deepEqual(types, ['email.delivered', 'email.sent'])
})

test('a test address beside a real one is still answered here', async () => {
  const to = [...DRAFT.to, { name: '', address: 'delivered@resend.dev' }]
  const ports = portsOf(await testPorts())
  ports.relay.answer = () => new RelayError('transient', 'busy')
  const { id } = await submit(ports, KEY, { ...DRAFT, to })
  await feedbackBatch(ports, [delivery(bodyOf(id, DELIVERY))], never)
  const message = await readMessage(ports.table, 'a', id)
  assert.deepEqual(
    message?.recipients.map(({ status, pending }) => [status, pending]),
    [
      ['delivered', false],
      ['queued', true],
    ],
  )
  assert.ok(message?.due)
  await drain(ports)
  const after = await readMessage(ports.table, 'a', id)
  assert.deepEqual([after?.recipients[1]?.status, after?.due], ['delivered', undefined])
})

test('a crash between any two writes, and the repetition does the rest', async () => {
  for (let step = 1; step <= 3; step++) {
    const { ports, id, row, types } = await sent()
    let writes = 0
    const crash = () => {
      writes++
      if (writes === step) throw new Error('crash')
    }
    const table: Table = {
      ...ports.table,
      write: (one) => {
        crash()
        return ports.table.write(one)
      },
    }
    const webhookQueue = { ...ports.webhookQueue, send: async () => crash() }
    await createEndpoint(ports, 'a', { url: 'http://127.0.0.1:1/', events: ['email.delivered'] })
    const entry = delivery(bodyOf(id, DELIVERY))
    assert.deepEqual(await feedbackBatch({ ...ports, table, webhookQueue }, [entry], never), [
      { id: 'q1', retryInMs: 10_000 },
    ])
    assert.deepEqual(await feedbackBatch(ports, [entry], never), [])
    assert.deepEqual(await types(), ['email.delivered', 'email.sent'])
    assert.equal((await row()).recipients[0]?.status, 'delivered')
    assert.equal((await ports.webhookQueue.depth()).ready, 1)
  }
})

test('what is not ours is dropped, what is broken comes back and ends in the dead-letter queue', async () => {
  const ports = portsOf(await testPorts())
  const gone = bodyOf('0199a0b0-0000-7000-8000-000000000001', DELIVERY)
  const untagged = JSON.stringify({ eventType: 'Delivery', mail: { messageId: 'x' }, delivery: { recipients: [] } })
  const topicTest = 'Successfully validated SNS topic for Amazon SES event publishing.'
  const batch = [gone, untagged, topicTest, '{', '{"eventType":"Bounce"}'].map((body, i) => delivery(body, String(i)))
  const failed = await feedbackBatch(ports, batch, never)
  assert.deepEqual(
    failed.map(({ id }) => id),
    ['3', '4'],
  )
})

test('fifty recipients of one message are told of in one batch, and none comes back', async () => {
  const to = Array.from({ length: 50 }, (_, n) => `r${n}@y.test`)
  const { ports, id, row } = await sent({ ...DRAFT, to: to.map((address) => ({ name: '', address })) })
  const batch = to.map((recipient) => {
    const detail = { delivery: { timestamp: AT, recipients: [recipient] } }
    return delivery(bodyOf(id, { type: 'Delivery', detail }), recipient)
  })
  assert.deepEqual(await feedbackBatch(ports, batch, never), [])
  assert.ok((await row()).recipients.every(({ status }) => status === 'delivered'))
})
