import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DRAFT, drain, KEY, testPorts } from '@kabutar/testing/sending-rig.ts'
import { recentCounts } from '../accounts/reputation.ts'
import { readSent } from '../messages/rows.ts'
import { RelayError } from '../ports/relay.ts'
import type { Table } from '../ports/table.ts'
import { lastEvent, type Outcome } from '../sending/status.ts'
import { submit } from '../sending/submit.ts'
import { listSuppressions } from '../suppressions/suppressions.ts'
import { createEndpoint } from '../webhooks/endpoints.ts'
import { eventsOf } from '../webhooks/event.ts'
import { type Feedback, recordFeedback } from './record.ts'

/** Tells what one report says of its one recipient. */
type Report = Omit<Outcome, 'recipient'> & { readonly occurrence?: string }
const DELIVERY: Report = { status: 'delivered' }
const DIAGNOSTIC = 'smtp; 550 5.1.1 user unknown'
const bounce = (type: NonNullable<Outcome['bounce']>['type'], subType: string): Report => ({
  status: 'bounced',
  replyCode: 550,
  enhanced: '5.1.1',
  diagnostic: DIAGNOSTIC,
  bounce: { type, subType },
})
const COMPLAINT: Report = { status: 'complained' }
const SUPPRESSED: Report = { status: 'suppressed' }
const REJECT: Report = { status: 'failed', diagnostic: 'SES refused the message: Bad content' }
const delay = (occurrence: string): Report => ({ status: 'deferred', replyCode: 452, enhanced: '4.2.2', occurrence })

/** The relay writes the address in another case than we do. */
const feedbackOf = (id: string, { occurrence = '', ...outcome }: Report): Feedback => ({
  accountId: 'a',
  id,
  messageId: '<ses-1@email.test>',
  occurrence,
  outcomes: [{ recipient: 'Bob@Y.test', ...outcome }],
})

async function sent(draft = DRAFT) {
  const ports = await testPorts()
  ports.relay.answer = () => ({ relayId: 'ses-1', messageId: '<ses-1@email.test>', outcome: 'sent', rejected: [] })
  const { id } = await submit(ports, KEY, draft)
  await drain(ports)
  const feed = async (...reports: readonly Report[]) => {
    for (const report of reports) await recordFeedback(ports, feedbackOf(id, report))
  }
  const row = async () => {
    const message = await readSent(ports.table, 'a', id)
    assert.ok(message)
    return message
  }
  const types = async () => (await eventsOf(ports.table, 'a', id)).map(({ type }) => type).sort()
  return { ports, id, feed, row, types }
}

describe('feedback on a sent message', () => {
  const cases: { name: string; reports: readonly Report[]; status: string; events: readonly string[] }[] = [
    { name: 'delivered', reports: [DELIVERY], status: 'delivered', events: ['email.delivered'] },
    { name: 'bounced', reports: [bounce('Permanent', 'NoEmail')], status: 'bounced', events: ['email.bounced'] },
    {
      name: "suppressed by the relay's list",
      reports: [SUPPRESSED],
      status: 'suppressed',
      events: ['email.suppressed'],
    },
    {
      name: 'complained after delivery',
      reports: [DELIVERY, COMPLAINT],
      status: 'complained',
      events: ['email.complained', 'email.delivered'],
    },
    {
      name: 'delivered, reported after the complaint',
      reports: [COMPLAINT, DELIVERY],
      status: 'complained',
      events: ['email.complained', 'email.delivered'],
    },
    { name: 'rejected', reports: [REJECT], status: 'failed', events: ['email.failed'] },
    {
      name: 'delayed twice, one delay reported twice, then delivered',
      reports: [delay('1'), delay('1'), delay('2'), DELIVERY],
      status: 'delivered',
      events: ['email.delivered', 'email.delivery_delayed', 'email.delivery_delayed'],
    },
    {
      name: 'delivery reported twice',
      reports: [DELIVERY, DELIVERY],
      status: 'delivered',
      events: ['email.delivered'],
    },
  ]
  for (const { name, reports, status, events } of cases) {
    test(name, async () => {
      const { feed, row, types } = await sent()
      await feed(...reports)
      const { recipients, due, messageId } = await row()
      assert.deepEqual(
        recipients.map(({ diagnostic: _, ...recipient }) => recipient),
        [{ address: 'bob@y.test', status, pending: false }],
      )
      assert.deepEqual(await types(), [...events, 'email.sent'].sort())
      assert.deepEqual([due, messageId], [undefined, '<ses-1@email.test>'])
    })
  }

  test('the event of a bounce has the type and subtype of the report', async () => {
    const { ports, id, feed } = await sent()
    await feed(bounce('Transient', 'MailboxFull'))
    const event = (await eventsOf(ports.table, 'a', id)).find(({ type }) => type === 'email.bounced')
    assert.deepEqual(event?.data.bounce, {
      message: DIAGNOSTIC,
      type: 'Transient',
      subType: 'MailboxFull',
      diagnosticCode: [DIAGNOSTIC],
    })
    assert.equal(event?.data.message_id, '<ses-1@email.test>')
  })

  for (const [name, report, origin] of [
    ['a permanent bounce', bounce('Permanent', 'General'), 'bounce'],
    ["the relay's suppression", SUPPRESSED, 'bounce'],
    ['a complaint', COMPLAINT, 'complaint'],
    ['a transient bounce', bounce('Transient', 'General'), undefined],
    ['a delivery', DELIVERY, undefined],
  ] as const) {
    test(`${name} suppresses the address as ${origin ?? 'nothing'}`, async () => {
      const { ports, id, feed } = await sent()
      await feed(report, report)
      const { items: suppressions } = await listSuppressions(ports.table, 'a', { limit: 10 })
      const expected = origin === undefined ? [] : [{ address: 'bob@y.test', origin, sourceId: id }]
      assert.deepEqual(
        suppressions.map(({ address, origin, sourceId }) => ({ address, origin, sourceId })),
        expected,
      )
    })
  }

  test('each report queues the webhook again, in case the first time was cut short', async () => {
    const { ports, feed } = await sent()
    await createEndpoint(ports, 'a', { url: 'http://127.0.0.1:1/', events: ['email.delivered'] })
    await feed(DELIVERY, DELIVERY)
    assert.equal((await ports.webhookQueue.depth()).ready, 2)
  })
})

test('feedback shows that an ambiguous attempt was taken, and the message does not go again', async () => {
  const ports = await testPorts()
  ports.relay.answer = () => new RelayError('ambiguous', 'the answer was lost')
  const { id } = await submit(ports, KEY, DRAFT)
  await drain(ports)
  await recordFeedback(ports, feedbackOf(id, DELIVERY))
  const message = await readSent(ports.table, 'a', id)
  assert.deepEqual(message?.recipients, [{ address: 'bob@y.test', status: 'delivered', pending: false }])
  assert.deepEqual([message?.due, message?.messageId], [undefined, '<ses-1@email.test>'])
  const types = (await eventsOf(ports.table, 'a', id)).map(({ type }) => type).sort()
  assert.deepEqual(types, ['email.delivered', 'email.sent'])
})

test('feedback that comes before the attempt is recorded gives the same events', async () => {
  const ports = await testPorts()
  const { id } = await submit(ports, KEY, DRAFT)
  const relay = {
    ...ports.relay,
    send: async () => {
      await recordFeedback(ports, feedbackOf(id, DELIVERY))
      return { relayId: 'ses-1', messageId: '<ses-1@email.test>', outcome: 'sent' as const, rejected: [] }
    },
  }
  await drain({ ...ports, relay })
  const message = await readSent(ports.table, 'a', id)
  assert.equal(lastEvent(message?.recipients ?? []), 'delivered')
  const types = (await eventsOf(ports.table, 'a', id)).map(({ type }) => type).sort()
  assert.deepEqual(types, ['email.delivered', 'email.sent'])
})

test('a test address beside a real one is still answered by the worker', async () => {
  const to = [...DRAFT.to, { name: '', address: 'delivered@resend.dev' }]
  const ports = await testPorts()
  ports.relay.answer = () => new RelayError('transient', 'busy')
  const { id } = await submit(ports, KEY, { ...DRAFT, to })
  await recordFeedback(ports, feedbackOf(id, DELIVERY))
  const message = await readSent(ports.table, 'a', id)
  assert.deepEqual(
    message?.recipients.map(({ status, pending }) => [status, pending]),
    [
      ['delivered', false],
      ['queued', true],
    ],
  )
  assert.ok(message?.due)
  await drain(ports)
  const after = await readSent(ports.table, 'a', id)
  assert.deepEqual([after?.recipients[1]?.status, after?.due], ['delivered', undefined])
})

test('after a crash between any two writes the repetition does the rest', async () => {
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
    const feedback = feedbackOf(id, DELIVERY)
    await assert.rejects(recordFeedback({ ...ports, table, webhookQueue }, feedback), /crash/)
    await recordFeedback(ports, feedback)
    assert.deepEqual(await types(), ['email.delivered', 'email.sent'])
    assert.equal((await row()).recipients[0]?.status, 'delivered')
    assert.equal((await ports.webhookQueue.depth()).ready, 1)
  }
})

test('feedback on a message or a recipient that does not exist changes nothing', async () => {
  const { ports, feed, row, types } = await sent()
  await recordFeedback(ports, feedbackOf('0199a0b0-0000-7000-8000-000000000001', DELIVERY))
  await feed({ ...DELIVERY, recipient: 'other@y.test' } as Report)
  assert.deepEqual([(await row()).recipients[0]?.status, await types()], ['sent', ['email.sent']])
})

test('a report on one recipient that comes before the attempt is recorded counts all recipients as sent', async () => {
  const ports = await testPorts()
  const to = [...DRAFT.to, { name: '', address: 'eve@y.test' }, { name: '', address: 'fay@y.test' }]
  const { id } = await submit(ports, KEY, { ...DRAFT, to })
  await recordFeedback(ports, feedbackOf(id, bounce('Permanent', 'NoEmail')))
  assert.deepEqual(await recentCounts(ports, 'a'), { sent: 3, bounced: 1, complained: 0 })
})
