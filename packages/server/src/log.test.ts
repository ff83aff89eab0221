import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Log, LogFields } from '@kabutar/core/ports/log.ts'
import { jsonLog } from './log.ts'

const KEY = 're_4kTz9QmWv7Lr2XbN8sYcHd5fGj1pEuAo'

/** Parses the one line that `call` logs. */
function logged(call: (log: Log) => void): Record<string, unknown> {
  const lines: string[] = []
  call(jsonLog('debug', (line) => lines.push(line)))
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^[^\n]+\n$/)
  return JSON.parse(lines[0] ?? '')
}

describe('the log', () => {
  test('writes a line with time, level, message and fields', () => {
    const { time, ...rest } = logged((log) =>
      log.warn('two\nlines', { id: 'a', attempt: 2, last: true, none: undefined }),
    )
    assert.ok(Math.abs(Date.parse(time as string) - Date.now()) < 10_000)
    assert.deepEqual(rest, { level: 'warn', message: 'two\nlines', id: 'a', attempt: 2, last: true })
  })

  test('writes nothing below its level', () => {
    const lines: string[] = []
    const log = jsonLog('warn', (line) => lines.push(line))
    log.debug('1')
    log.info('2')
    log.warn('3')
    log.error('4')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).message),
      ['3', '4'],
    )
  })

  const secret = [
    'html',
    'text',
    'subject',
    'content',
    'key',
    'apiKey',
    'api_key',
    'KABUTAR_API_KEY',
    'webhookSecret',
    'authorization',
    'Authorization',
    'x-auth-token',
    'password',
    'rawBody',
  ]
  for (const name of secret) {
    test(`hides ${name}`, () => assert.equal(logged((log) => log.info('m', { [name]: 'hush' }))[name], '[redacted]'))
  }
  for (const name of ['keyId', 'subjectLength', 'contentType', 'context', 'monkey', 'recipient', 'messageId']) {
    test(`shows ${name}`, () => assert.equal(logged((log) => log.info('m', { [name]: 'seen' }))[name], 'seen'))
  }

  const blanked: readonly [string, string][] = [
    [`made ${KEY}.`, 'made re_[redacted].'],
    ['secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'secret whsec_[redacted]'],
    ['can not reach smtp://joe:hush@mail.example:25', 'can not reach smtp://[redacted]@mail.example:25'],
    ['Authorization: Bearer abc.def.ghi', 'Authorization: Bearer [redacted]'],
    ['AUTH PLAIN AGpvZQBodXNo refused', 'AUTH PLAIN [redacted] refused'],
    ['GET /blobs/1?expires=9&signature=abcdef', 'GET /blobs/1?expires=9&signature=[redacted]'],
    ['from joe@a.test to re_x', 'from joe@a.test to re_x'],
  ]
  for (const [text, expected] of blanked) {
    test(`blanks secrets by their form: ${expected}`, () => {
      const line = logged((log) => log.info(text, { detail: text, error: new Error(text) }))
      assert.equal(line.message, expected)
      assert.equal(line.detail, expected)
      assert.equal((line.error as Error).message, expected)
    })
  }

  test('a field never replaces time, level or message', () => {
    const line = logged((log) => log.info('m', { level: 'x', message: 'y' }))
    assert.deepEqual([line.level, line.message, line.level_, line.message_], ['info', 'm', 'x', 'y'])
  })

  test('errors carry name, code, stack and causes', () => {
    const cause = Object.assign(new Error('inner'), { code: 'ECONNREFUSED' })
    const { error } = logged((log) => log.error('m', { error: new TypeError('outer', { cause }) })) as {
      error: Record<string, unknown> & { cause: Record<string, unknown> }
    }
    assert.equal(error.name, 'TypeError')
    assert.equal(error.message, 'outer')
    assert.match(error.stack as string, /^at .*log\.test\.ts/)
    assert.equal(error.cause.code, 'ECONNREFUSED')
    assert.equal(error.cause.message, 'inner')
  })

  test('huge and circular errors stay within 8 KB', () => {
    const error = new Error('x'.repeat(1_000_000))
    error.cause = error
    assert.ok(JSON.stringify(logged((log) => log.error('m', { error })).error).length < 8192 + 512)
    const long = new Error('short', { cause: 'y'.repeat(1_000_000) })
    assert.ok(JSON.stringify(logged((log) => log.error('m', { error: long })).error).length < 8192 + 512)
  })

  test('never throws', () => {
    const trap = {
      get detail(): string {
        throw new Error('no')
      },
    }
    assert.equal(logged((log) => log.info('m', trap)).detail, '[unreadable]')
    const odd = { big: 1n, list: Object.create(null), date: new Date(Number.NaN) } as unknown as LogFields
    assert.equal(logged((log) => log.info('m', odd)).big, '1')
    const closed = jsonLog('info', () => {
      throw new Error('EPIPE')
    })
    closed.error('m')
  })
})
