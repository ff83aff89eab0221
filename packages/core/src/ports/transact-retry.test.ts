import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { StoreError } from './table.ts'
import { retryConflicts, waitMs } from './transact-retry.ts'

function failing(times: number, error: Error) {
  const slept: number[] = []
  const clock = { ...systemClock, now: () => 0, sleep: async (ms: number) => void slept.push(ms) }
  let calls = 0
  const attempt = async () => {
    calls += 1
    if (calls <= times) throw error
    return 'done'
  }
  return { clock, attempt, slept, calls: () => calls }
}

const conflict = new StoreError('Conflict', 'another writer')

test('conflicts are retried with growing waits', async () => {
  const { clock, attempt, slept } = failing(7, conflict)
  assert.equal(await retryConflicts(clock, attempt, () => 1), 'done')
  assert.deepEqual(slept, [10, 20, 40, 80, 160, 320, 500])
  assert.equal(waitMs(3, 0), 20)
})

test('the eighth conflict is thrown', async () => {
  const { clock, attempt, calls } = failing(8, conflict)
  await assert.rejects(
    retryConflicts(clock, attempt, () => 0.5),
    conflict,
  )
  assert.equal(calls(), 8)
})

test('nothing else is retried', async () => {
  for (const error of [
    new StoreError('ConditionFailed', 'no'),
    new StoreError('Throttled', 'slow'),
    new Error('bug'),
  ]) {
    const { clock, attempt, calls } = failing(1, error)
    await assert.rejects(
      retryConflicts(clock, attempt, () => 0.5),
      error,
    )
    assert.equal(calls(), 1)
  }
})
