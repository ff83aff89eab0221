import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readSent } from '@kabutar/core/messages/rows.ts'
import type { Delivery } from '@kabutar/core/ports/queue.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { DRAFT, drain, KEY, testPorts } from '@kabutar/testing/sending-rig.ts'
import { parseSesEvent } from './event.ts'
import { feedbackFromSes } from './feedback.ts'

const AT = '2026-11-22T12:00:05.000Z'
const never = new AbortController().signal

type Event = { readonly eventType: string; readonly [name: string]: unknown }
const delivery = (...recipients: readonly string[]): Event => ({
  eventType: 'Delivery',
  delivery: { timestamp: AT, recipients },
})
const bounce = (bounceType: string, bounceSubType: string): Event => {
  const bob = { emailAddress: 'Bob@Y.test', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 user unknown' }
  const bounce = { bounceType, bounceSubType, bouncedRecipients: [bob], timestamp: AT, feedbackId: 'f' }
  return { eventType: 'Bounce', bounce }
}
const bodyOf = (id: string, event: Event) =>
  JSON.stringify({
    ...event,
    mail: {
      timestamp: AT,
      messageId: 'ses-1',
      destination: ['bob@y.test'],
      tags: { 'ses:configuration-set': ['kabutar'], kabutar_account: ['a'], kabutar_id: [id] },
    },
  })

const ABOUT_BOB = {
  recipient: 'Bob@Y.test',
  replyCode: 550,
  enhanced: '5.1.1',
  diagnostic: 'smtp; 550 5.1.1 user unknown',
}
for (const { name, event, outcome, occurrence = '' } of [
  { name: 'a delivery', event: delivery('bob@y.test'), outcome: { recipient: 'bob@y.test', status: 'delivered' } },
  {
    name: 'a bounce',
    event: bounce('Transient', 'MailboxFull'),
    outcome: { ...ABOUT_BOB, status: 'bounced', bounce: { type: 'Transient', subType: 'MailboxFull' } },
  },
  ...['Suppressed', 'OnAccountSuppressionList'].map((subType) => ({
    name: `a bounce of the subtype ${subType}`,
    event: bounce('Permanent', subType),
    outcome: { ...ABOUT_BOB, status: 'suppressed' },
  })),
  {
    name: 'a complaint',
    event: { eventType: 'Complaint', complaint: { complainedRecipients: [{ emailAddress: 'bob@y.test' }] } },
    outcome: { recipient: 'bob@y.test', status: 'complained' },
  },
  {
    name: 'a delay',
    event: {
      eventType: 'DeliveryDelay',
      deliveryDelay: {
        timestamp: AT,
        delayType: 'MailboxFull',
        delayedRecipients: [{ emailAddress: 'bob@y.test', status: '4.2.2', diagnosticCode: 'smtp; 452 4.2.2 full' }],
      },
    },
    outcome: {
      recipient: 'bob@y.test',
      status: 'deferred',
      replyCode: 452,
      enhanced: '4.2.2',
      diagnostic: 'smtp; 452 4.2.2 full',
    },
    occurrence: AT,
  },
  {
    name: 'a rejection',
    event: { eventType: 'Reject', reject: { reason: 'Bad content' } },
    outcome: { recipient: 'bob@y.test', status: 'failed', diagnostic: 'SES refused the message: Bad content' },
  },
] as readonly { name: string; event: Event; outcome: object; occurrence?: string }[]) {
  test(`${name} becomes feedback`, () => {
    assert.deepEqual(parseSesEvent(bodyOf('1', event), 'us-east-1'), {
      accountId: 'a',
      id: '1',
      messageId: '<ses-1@email.amazonses.com>',
      occurrence,
      outcomes: [outcome],
    })
  })
}

const entry = (body: string, id = 'q1'): Delivery => ({ id, body, attempt: 1, sentAt: 0, handle: 'h' })

async function sent(recipients: readonly string[]) {
  const ports = { ...(await testPorts()), region: 'us-east-1' }
  const { id } = await submit(ports, KEY, { ...DRAFT, to: recipients.map((address) => ({ name: '', address })) })
  await drain(ports)
  return { ports, id }
}

test('events that are not about our mail are dropped; unreadable ones come back and end in the dead letters', async () => {
  const { ports, id } = await sent(['bob@y.test'])
  const bodies = [
    bodyOf('0199a0b0-0000-7000-8000-000000000001', delivery('bob@y.test')),
    JSON.stringify({ eventType: 'Delivery', mail: { messageId: 'x' }, delivery: { recipients: [] } }),
    bodyOf(id, { eventType: 'Open' }),
    'Successfully validated SNS topic for Amazon SES event publishing.',
    '{',
    '{"eventType":"Bounce"}',
  ]
  const failed = await feedbackFromSes(
    ports,
    bodies.map((body, i) => entry(body, String(i))),
    never,
  )
  assert.deepEqual(
    failed.map(({ reason: _, ...failure }) => failure).toSorted((a, b) => a.id.localeCompare(b.id)),
    [
      { id: '4', retryInMs: 5000 },
      { id: '5', retryInMs: 5000 },
    ],
  )
})

test('an event that cannot be recorded comes back, later after each attempt, and waits for a store that is away', async () => {
  const { ports, id } = await sent(['bob@y.test'])
  const body = bodyOf(id, delivery('bob@y.test'))
  const failing = (error: Error) => ({ ...ports, table: { ...ports.table, write: () => Promise.reject(error) } })
  const defect = failing(new Error('a defect'))
  const away = failing(new StoreError('Throttled', 'the table is busy'))
  const now = ports.clock.now()
  const outcomes = [
    await feedbackFromSes(defect, [entry(body)], never),
    await feedbackFromSes(defect, [{ ...entry(body), attempt: 3 }], never),
    await feedbackFromSes(away, [{ ...entry(body), attempt: 3, sentAt: now - 60_000 }], never),
    await feedbackFromSes(ports, [entry(body)], AbortSignal.abort()),
  ]
  assert.deepEqual(outcomes.flat(), [
    { id: 'q1', retryInMs: 5000, reason: 'Error: a defect' },
    { id: 'q1', retryInMs: 20_000, reason: 'Error: a defect' },
    { id: 'q1', retryInMs: 60_000, waits: true, reason: 'StoreError: the table is busy' },
    { id: 'q1', retryInMs: 0, waits: true },
  ])
})

test('fifty events on one message in one batch are all recorded', async () => {
  const to = Array.from({ length: 50 }, (_, n) => `r${n}@y.test`)
  const { ports, id } = await sent(to)
  const batch = to.map((recipient) => entry(bodyOf(id, delivery(recipient)), recipient))
  assert.deepEqual(await feedbackFromSes(ports, batch, never), [])
  const message = await readSent(ports.table, 'a', id)
  assert.ok(message?.recipients.every(({ status }) => status === 'delivered'))
})
