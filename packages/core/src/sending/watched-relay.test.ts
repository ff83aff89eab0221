import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log, LogFields } from '../ports/log.ts'
import { type Relay, RelayError, type RelayResult } from '../ports/relay.ts'
import { watchedRelay } from './watched-relay.ts'

const ENVELOPE = { returnPath: 'a@x.test', recipients: ['b@y.test'] }
const RAW = new Uint8Array()
const MESSAGE = { messageId: '<1@x.test>' }

function watched(answer: () => RelayResult, verify?: () => Promise<void>, clock: Clock = systemClock) {
  const lines: [string, LogFields | undefined][] = []
  const log: Log = { debug() {}, info() {}, error() {}, warn: (message, fields) => void lines.push([message, fields]) }
  const relay: Relay = {
    limits: { maxRawBytes: 9, maxRecipients: 9 },
    send: async () => answer(),
    ...(verify && { verify }),
  }
  const watching = watchedRelay(relay, { log, clock, setting: 'KABUTAR_RELAY' })
  return { relay: watching, lines, send: () => watching.send(ENVELOPE, RAW, MESSAGE).catch(() => {}) }
}

test('a failure is logged with its reason and advice, and is over once the relay takes mail', async () => {
  const cause = Object.assign(new Error('Invalid login: 535 no'), { code: 'EAUTH' })
  let error: Error | undefined = new RelayError('transient', '535 no, joe@x.test', { replyCode: 535, cause })
  const { relay, lines, send } = watched(() => {
    if (error) throw error
    return { relayId: '', outcome: 'sent', rejected: [] }
  })
  await send()
  assert.equal(relay.failure, '535 no, joe@x.test')
  assert.deepEqual(lines, [
    [
      'the relay fails: mail waits and is sent later',
      {
        reason: '535 no, [address]',
        kind: 'transient',
        replyCode: 535,
        setting: 'KABUTAR_RELAY',
        advice: 'the relay refuses the user or the password; check KABUTAR_RELAY',
      },
    ],
  ])
  error = undefined
  await send()
  assert.equal(relay.failure, undefined)
})

test('a refused message is logged, and the relay does not fail', async () => {
  const { relay, lines, send } = watched(() => {
    throw new RelayError('permanent', '552 too large')
  })
  await send()
  assert.equal(relay.failure, undefined)
  assert.deepEqual(lines, [['the relay refuses a message', { reason: '552 too large', replyCode: undefined }]])
})

test('a relay that refuses every recipient is logged without their addresses', async () => {
  const rejected = [
    { recipient: 'b@y.test', replyCode: 554, status: '5.7.1', diagnostic: '554 <b@y.test>: Relay denied' },
  ]
  const { lines, send } = watched(() => ({ relayId: '', outcome: 'sent', rejected }))
  await send()
  assert.deepEqual(lines, [
    [
      'the relay refuses all recipients of a message',
      { reason: '554 5.7.1', diagnostic: '554 <[address]>: Relay denied' },
    ],
  ])
})

test('a check never rejects, and is a failure until the next one succeeds', async () => {
  let works = false
  const { relay, lines } = watched(
    () => ({ relayId: '', outcome: 'sent', rejected: [] }),
    async () => {
      if (!works)
        throw new RelayError('transient', 'connect ECONNREFUSED', { cause: new Error('connect ECONNREFUSED ::1:1') })
    },
  )
  await relay.check()
  assert.equal(lines[0]?.[1]?.advice, 'nothing listens at this host and port; check KABUTAR_RELAY')
  assert.ok(relay.failure)
  works = true
  await relay.check()
  assert.equal(relay.failure, undefined)
})

test('a relay that stays silent is reported after 30 seconds', async () => {
  const { relay, lines } = watched(
    () => ({ relayId: '', outcome: 'sent', rejected: [] }),
    () => new Promise(() => {}),
    { ...systemClock, sleep: async () => {} },
  )
  await relay.check()
  assert.equal(lines[0]?.[1]?.reason, 'the relay does not answer within 30 seconds')
})
