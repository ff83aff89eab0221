/**
 * A day in minutes, as AWS would live it: one clock, SQS that counts every receipt, an index that lags, throttles, lost
 * answers, entries twice and out of order, a worker that is killed each ten seconds, SES at 14 mails a second, a burst of
 * received mail, and an endpoint that hangs for 27 hours. Nothing is lost, no wait makes a dead letter, and nothing is sent
 * twice outside the window that docs/guarantees.md names. The long form: DAY_SENDS=100000 DAY_RECEIVED=10000.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { day } from './day.ts'

const HOUR = 3_600_000
const SENDS = Number(process.env.DAY_SENDS ?? 1000)
const RECEIVED = Number(process.env.DAY_RECEIVED ?? 200)
/** Of the received messages, those that are announced to the endpoint that hangs. */
const HANGING = Math.ceil(RECEIVED / 10)

test('a day of faults loses nothing and sends nothing twice', { timeout: 3 * HOUR }, async (t) => {
  const ended = await day({ sends: SENDS, received: RECEIVED, hanging: HANGING, hangsForMs: 27 * HOUR })
  const { sent, posts, kills, units, hours, deadLetters, inTheWindow } = ended
  const twice = [...sent].filter(([, times]) => times > 1).map(([id]) => id)
  const again = [...posts.healthy.values(), ...posts.hanging.values()].filter((times) => times > 1).length
  t.diagnostic(`${SENDS} sent, ${RECEIVED} received, ${kills} workers killed, ${hours.toFixed(1)} hours`)
  t.diagnostic(`${twice.length} messages sent twice, ${again} events posted more than once`)
  t.diagnostic(`${Math.round(units.write)} write units and ${Math.round(units.read)} read units`)
  assert.equal(sent.size, SENDS)
  assert.equal(posts.healthy.size, SENDS + RECEIVED - HANGING)
  assert.equal(posts.hanging.size, HANGING)
  assert.deepEqual(deadLetters, { send: 0, receive: 0, webhooks: 0 })
  assert.deepEqual(
    twice.filter((id) => !inTheWindow.has(id)),
    [],
    'sent twice, although no worker was killed between the answer of SES and the record of it',
  )
  assert.ok(kills > 100, `${kills} kills`)
})
