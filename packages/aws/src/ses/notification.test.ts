import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseNotification } from './notification.ts'

const RECEIPT = {
  notificationType: 'Received',
  receipt: {
    timestamp: '2026-11-22T12:00:00.000Z',
    recipients: ['ada@kabutar.test'],
    action: { type: 'S3', objectKey: 'inbound/ses-1' },
  },
  mail: { messageId: 'ses-1', source: 'eve@far.test' },
}
const record = (key: string) => ({ eventTime: '2026-11-22T12:00:01.000Z', s3: { object: { key } } })

for (const { name, body, expected } of [
  {
    name: 'a receipt notification of SES',
    body: RECEIPT,
    expected: {
      kind: 'receipt',
      receipt: {
        sesId: 'ses-1',
        key: 'inbound/ses-1',
        returnPath: 'eve@far.test',
        recipients: ['ada@kabutar.test'],
        receivedAt: Date.parse('2026-11-22T12:00:00.000Z'),
      },
    },
  },
  {
    name: "an event of S3, without SES's test object",
    body: { Records: [record('inbound/a+%C3%A9'), record('inbound/AMAZON_SES_SETUP_NOTIFICATION')] },
    expected: {
      kind: 'objects',
      objects: [{ key: 'inbound/a é', storedAt: Date.parse('2026-11-22T12:00:01.000Z') }],
    },
  },
  {
    name: "SES's test of a topic",
    body: 'Successfully validated SNS topic for Amazon SES.',
    expected: { kind: 'nothing' },
  },
  {
    name: "S3's test of a queue",
    body: { Service: 'Amazon S3', Event: 's3:TestEvent' },
    expected: { kind: 'nothing' },
  },
  {
    name: 'a notification of SES about something else',
    body: { notificationType: 'AmazonSnsSubscriptionSucceeded' },
    expected: { kind: 'nothing' },
  },
  { name: 'an entry of ours', body: { v: 1, kind: 'message', accountId: 'a' }, expected: undefined },
  { name: 'JSON that nobody sends', body: {}, expected: undefined },
]) {
  test(`${name} is ${expected === undefined ? 'not from AWS' : 'recognised by its fields'}`, () => {
    assert.deepEqual(parseNotification(typeof body === 'string' ? body : JSON.stringify(body)), expected)
  })
}

for (const [name, body] of [
  ['no JSON', 'hello'],
  ['null', 'null'],
  [
    'a receipt without a recipient list',
    JSON.stringify({ ...RECEIPT, receipt: { ...RECEIPT.receipt, recipients: 1 } }),
  ],
  ['a receipt without an object', JSON.stringify({ ...RECEIPT, receipt: { ...RECEIPT.receipt, action: {} } })],
  ['an event of S3 without a key', JSON.stringify({ Records: [{ s3: {} }] })],
  ['a key that is wrongly encoded', JSON.stringify({ Records: [record('%')] })],
  ['an entry longer than any notification', JSON.stringify({ Records: [], more: 'x'.repeat(300_000) })],
] as const) {
  test(`refused: ${name}`, () => assert.throws(() => parseNotification(body)))
}
