import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rangeOf } from './downloads.ts'

const RANGES: [string | undefined, ReturnType<typeof rangeOf>][] = [
  [undefined, undefined],
  ['bytes=-', undefined],
  ['bytes=5-2', undefined],
  ['bytes=0-1,3-4', undefined],
  ['bytes=2-', { from: 2, to: 9 }],
  ['bytes=2-100', { from: 2, to: 9 }],
  ['bytes=-100', { from: 0, to: 9 }],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=10-', 'unsatisfiable'],
]
for (const [header, expected] of RANGES) {
  test(`range ${header} of 10 bytes`, () => assert.deepEqual(rangeOf(header, 10), expected))
}
