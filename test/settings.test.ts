/** Both platforms read a value of a shared setting in the same way. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { readSettings } from '@kabutar/server/settings.ts'
import { durationsSetting } from '../functions/settings.ts'

const NAME = 'KABUTAR_SEND_RETRIES'
const READERS: Readonly<Record<string, (value: string) => readonly number[]>> = {
  'one process': (value) => readSettings({ [NAME]: value }, []).sendRetriesMs,
  AWS: (value) => {
    process.env[NAME] = value
    return durationsSetting(NAME, '1s')
  },
}
const HOUR = 3_600_000
const DURATIONS: readonly (readonly [value: string, expected: readonly number[] | undefined])[] = [
  ['1d', [24 * HOUR]],
  ['0s, 5m,250ms,30d', [0, 300_000, 250, 720 * HOUR]],
  ['720h', [720 * HOUR]],
  ['721h', undefined],
  ['31d', undefined],
  ['10000000h', undefined],
  ['5', undefined],
  ['-1s', undefined],
  ['1.5h', undefined],
  ['1m,,5m', undefined],
  [Array(32).fill('1m').join(), Array(32).fill(60_000)],
  [Array(33).fill('1m').join(), undefined],
]

for (const [platform, read] of Object.entries(READERS)) {
  describe(`durations on ${platform}`, () => {
    afterEach(() => void delete process.env[NAME])
    for (const [value, expected] of DURATIONS) {
      test(`${value.slice(0, 30)} is ${expected === undefined ? 'refused' : 'read'}`, () => {
        if (expected === undefined) assert.throws(() => read(value), new RegExp(`${NAME}: `))
        else assert.deepEqual(read(value), expected)
      })
    }
  })
}
