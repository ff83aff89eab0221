import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RecipientStatus } from '../messages/message.ts'
import { retryDelay } from './finish-attempt.ts'
import { afterOutcome, lastEvent, type OutcomeStatus, raise } from './status.ts'

describe('a status only moves up', () => {
  const cases: [RecipientStatus, RecipientStatus, RecipientStatus][] = [
    ['queued', 'sent', 'sent'],
    ['delivered', 'sent', 'delivered'],
    ['delivered', 'delivery_delayed', 'delivered'],
    ['sent', 'delivery_delayed', 'delivery_delayed'],
    ['clicked', 'opened', 'clicked'],
    ['delivered', 'bounced', 'bounced'],
    ['bounced', 'delivered', 'bounced'],
    ['complained', 'clicked', 'complained'],
  ]
  for (const [from, to, then] of cases) test(`${from} and then ${to}`, () => assert.equal(raise(from, to), then))
})

describe('after an outcome', () => {
  const cases: { status: RecipientStatus; outcome: OutcomeStatus; expected: RecipientStatus; pending: boolean }[] = [
    { status: 'queued', outcome: 'deferred', expected: 'delivery_delayed', pending: true },
    { status: 'delivery_delayed', outcome: 'sent', expected: 'sent', pending: false },
    { status: 'delivery_delayed', outcome: 'failed', expected: 'failed', pending: false },
    { status: 'queued', outcome: 'delivered', expected: 'delivered', pending: false },
  ]
  for (const { status, outcome, expected, pending } of cases) {
    test(`${status}, ${outcome}`, () => {
      const after = afterOutcome(
        { address: 'a@x.test', status, pending: true },
        { recipient: 'a@x.test', status: outcome },
      )
      assert.deepEqual(after, { address: 'a@x.test', status: expected, pending })
    })
  }
})

test('the reason of a status changes with it, and not with a late outcome', () => {
  const queued = { address: 'a@x.test', status: 'queued', pending: true } as const
  const deferred = afterOutcome(queued, { recipient: 'a@x.test', status: 'deferred', diagnostic: 'x'.repeat(500) })
  assert.equal(deferred.diagnostic, 'x'.repeat(200))
  const again = afterOutcome(deferred, { recipient: 'a@x.test', status: 'deferred', diagnostic: 'greylisted' })
  assert.equal(again.diagnostic, 'greylisted')
  assert.equal(afterOutcome(again, { recipient: 'a@x.test', status: 'sent' }).diagnostic, undefined)
  const bounced = afterOutcome(again, { recipient: 'a@x.test', status: 'bounced', diagnostic: 'no such user' })
  const late = afterOutcome(bounced, { recipient: 'a@x.test', status: 'delivered', diagnostic: 'ok' })
  assert.deepEqual([late.status, late.diagnostic], ['bounced', 'no such user'])
})

describe('last_event is the worst terminal one, else the highest', () => {
  const cases: [RecipientStatus[], RecipientStatus][] = [
    [['queued', 'sent'], 'sent'],
    [['delivered', 'queued'], 'delivered'],
    [['delivered', 'bounced', 'sent'], 'bounced'],
    [['failed', 'complained', 'clicked'], 'complained'],
    [[], 'queued'],
  ]
  for (const [statuses, last] of cases) {
    test(`of ${statuses.join(', ') || 'none'}`, () => {
      assert.equal(lastEvent(statuses.map((status) => ({ address: 'a@x.test', status, pending: false }))), last)
    })
  }
})

test('retryDelay follows the schedule, a tenth either way, and ends', () => {
  const schedule = [60_000, 300_000]
  assert.deepEqual(
    [0, 0.5, 0.999999].map((random) => retryDelay(schedule, 1, random)),
    [54_000, 60_000, 66_000],
  )
  assert.equal(retryDelay(schedule, 2, 0.5), 300_000)
  assert.equal(retryDelay(schedule, 3, 0.5), undefined)
})
