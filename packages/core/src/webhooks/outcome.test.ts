import assert from 'node:assert/strict'
import { test } from 'node:test'
import { itemBytes } from '../ports/table-rules.ts'
import { deliveryItem } from './delivery.ts'
import type { MailEvent } from './event.ts'
import { afterAttempt, firstBytes, isOverdue, newDelivery } from './outcome.ts'

const event: MailEvent = {
  id: `msg_019470000000${'a'.repeat(20)}`,
  type: 'email.sent',
  messageId: '01947000-0000-7000-8000-000000000000',
  recipient: '',
  createdAt: new Date(0),
  data: {},
}
const schedule = { webhookRetriesMs: [0, 5000, 300_000] }
const delivery = newDelivery('e', event, 0, 0)

const OUTCOMES = [
  { code: 200, status: 'success' },
  { code: 204, status: 'success' },
  { code: 299, status: 'success' },
  { code: 199, status: 'pending' },
  { code: 301, status: 'pending' },
  { code: 404, status: 'pending' },
  { code: 410, status: 'pending' },
  { code: 500, status: 'pending' },
  { code: 0, status: 'pending' },
]
for (const { code, status } of OUTCOMES) {
  test(`an answer of ${code} means ${status}`, () => {
    assert.equal(afterAttempt(delivery, { code, response: '', at: 0 }, schedule, 0).status, status)
  })
}

test('the row is due two minutes after a wait in the queue and right after a long one, and the last failure ends it', () => {
  const failed = { code: 500, response: '', at: 0 }
  const second = afterAttempt(delivery, failed, schedule, 1000)
  assert.deepEqual([second.nextAt, second.dueAt], [6000, 126_000])
  const third = afterAttempt(second, failed, schedule, 10_000)
  assert.deepEqual([third.nextAt, third.dueAt], [310_000, 310_000])
  assert.equal(afterAttempt(third, failed, schedule, 400_000).status, 'failed')
  const chained = afterAttempt(delivery, failed, schedule, 1000, 3)
  assert.deepEqual([chained.nextAt, chained.dueAt], [6000, 6000], 'the sweep begins a new chain')
})

test('the row stays under 16 KB whatever the answers are, and under 1 KB after a plain success', () => {
  const huge = { code: 500, response: '\uFFFD'.repeat(5000), at: 1e12 }
  let row = delivery
  for (let n = 0; n < 40; n++) row = { ...afterAttempt({ ...row, madeBefore: n }, huge, schedule, 0) }
  assert.equal(row.attempts.length, 20)
  assert.equal(row.attempts.at(-1)?.number, 40)
  const account = '01947000-0000-7000-8000-000000000000'
  assert.ok(itemBytes(deliveryItem(account, row, 0)) < 16 * 1024)
  const done = afterAttempt({ ...delivery, endpointId: account }, { ...huge, code: 200 }, schedule, 0)
  const bytes = itemBytes(deliveryItem(account, done, 0))
  assert.ok(bytes < 1024, `${bytes} bytes`)
})

test('text is cut between characters', () => {
  assert.equal(firstBytes('aé✓😀', 100), 'aé✓😀')
  for (let max = 0; max < 10; max++) assert.ok(Buffer.byteLength(firstBytes('aé✓😀', max)) <= max)
  assert.equal(firstBytes('ééé', 5), 'éé')
})

test('a delivery that is put off ends some hours after its schedule', () => {
  const hour = 3600_000
  const { webhookRetriesMs } = { webhookRetriesMs: [0, 10 * hour] }
  assert.equal(isOverdue(0, { webhookRetriesMs }, 13 * hour), false)
  assert.equal(isOverdue(0, { webhookRetriesMs }, 14 * hour), true)
})
