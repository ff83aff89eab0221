import assert from 'node:assert/strict'
import { test } from 'node:test'
import { boundedLog } from './bounded-log.ts'
import type { Log, LogFields } from './log.ts'

type Line = readonly [string, LogFields | undefined]

function recorded() {
  let now = 0
  const lines: Line[] = []
  const write = (message: string, fields?: LogFields) => void lines.push([message, fields])
  const log: Log = { debug: write, info: write, warn: write, error: write }
  return { log: boundedLog(log, { now: () => now }), lines, advance: (ms: number) => (now += ms) }
}

test('a reason is logged once a minute, with the number of lines that were left out', () => {
  const { log, lines, advance } = recorded()
  for (let n = 0; n < 1000; n++) log.warn('the relay fails', { reason: 'refused', id: String(n) })
  log.warn('the relay fails', { reason: 'wrong password' })
  assert.deepEqual(lines, [
    ['the relay fails', { reason: 'refused', id: '0' }],
    ['the relay fails', { reason: 'wrong password' }],
  ])
  advance(60_000)
  log.warn('the relay fails', { reason: 'refused', id: 'x' })
  assert.deepEqual(lines[2], ['the relay fails', { reason: 'refused', id: 'x', repeated: 999 }])
})

test('an error is told apart by its causes', () => {
  const { log, lines } = recorded()
  const failed = (cause: string) => log.error('it failed', { error: new Error('a', { cause: new Error(cause) }) })
  for (const cause of ['full', 'full', 'read-only', 'full']) failed(cause)
  assert.equal(lines.length, 2)
})

test('lines without a reason, and those below a warning, are all written', () => {
  const { log, lines } = recorded()
  for (let n = 0; n < 3; n++) {
    log.error('an account is paused', { account: 'a' })
    log.debug('request', { reason: 'x' })
  }
  assert.equal(lines.length, 6)
})

test('ten thousand made-up reasons are at most 201 lines a minute', () => {
  const { log, lines } = recorded()
  for (let n = 0; n < 10_000; n++) log.warn('refused', { reason: `${n}` })
  assert.equal(lines.length, 201)
})
