import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setBackWatch } from './workers.ts'

test('a time of day that is set back by more than a minute is noticed once, and so is a start', () => {
  let [now, monotonic] = [1_800_000_000_000, 0]
  const wasSetBack = setBackWatch({ now: () => now, monotonic: () => monotonic })
  const after = (wallMs: number, ms = 1000) => {
    now += wallMs
    monotonic += ms
    return wasSetBack()
  }
  assert.deepEqual([after(1000), after(1000), after(-59_000), after(1000)], [true, false, false, false])
  assert.deepEqual([after(-86_400_000), after(1000), after(86_400_000), after(1000)], [true, false, false, false])
})
