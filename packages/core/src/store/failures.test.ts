import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silent } from '@kabutar/testing/sending-rig.ts'
import { MailError } from '../errors.ts'
import type { Delivery } from '../ports/queue.ts'
import { StoreError } from '../ports/table.ts'
import { Failures, isUnavailable } from './failures.ts'

const NOW = Date.UTC(2026, 10, 30)
const DAY = 24 * 3_600_000
const never = new AbortController().signal
const delivery = (id: string, some: Partial<Delivery> = {}): Delivery => {
  return { id, body: '', attempt: 1, sentAt: NOW - 60_000, handle: 'h', ...some }
}

test('what is not there is waited for without an attempt, for 14 days; everything else counts and waits longer each time', () => {
  const away = new StoreError('Unavailable', 'the disk is full')
  const failures = new Failures({ log: silent, clock: { now: () => NOW } }, 'send', never)
  failures.add(delivery('waits'), away)
  failures.add(delivery('waits'), new Error('a second error of the same entry'))
  failures.add(delivery('waited long', { sentAt: NOW - DAY }), away)
  failures.add(delivery('too long', { sentAt: NOW - 14 * DAY }), away)
  failures.add(delivery('defect'), new Error('a\ndefect'))
  failures.add(delivery('third', { attempt: 5, excused: 2 }), new Error('a defect'))
  const reason = 'StoreError: the disk is full'
  assert.deepEqual(failures.all(), [
    { id: 'waits', retryInMs: 60_000, waits: true, reason },
    { id: 'waited long', retryInMs: 900_000, waits: true, reason },
    { id: 'too long', retryInMs: 5000, reason },
    { id: 'defect', retryInMs: 5000, reason: 'Error: a defect' },
    { id: 'third', retryInMs: 20_000, reason: 'Error: a defect' },
  ])
})

test('after the signal every failure is one of the shutdown', () => {
  const failures = new Failures({ log: silent, clock: { now: () => NOW } }, 'send', AbortSignal.abort())
  failures.add(delivery('a'), new Error('a defect'))
  assert.deepEqual(failures.all(), [{ id: 'a', retryInMs: 0, waits: true }])
})

test('the errors that say nothing of the work', () => {
  const system = Object.assign(new Error('EMFILE'), { code: 'EMFILE', syscall: 'open' })
  const missing = [
    new StoreError('Throttled', ''),
    new StoreError('UnknownFormat', ''),
    new MailError('unavailable', ''),
  ]
  for (const error of [...missing, system]) assert.equal(isUnavailable(error), true, String(error))
  const own = [new StoreError('TooLarge', ''), new MailError('not_found', ''), new Error('a defect'), 'text']
  for (const error of own) assert.equal(isUnavailable(error), false, String(error))
})
