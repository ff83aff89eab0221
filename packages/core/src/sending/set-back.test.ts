/** The time of day is set back by a day: what waited for a minute does not wait for a day more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRAFT, drain, KEY, sweepSends, testPorts } from '@kabutar/testing/sending-rig.ts'
import { longestWaits } from '../due-work.ts'
import { getSent } from '../messages/read.ts'
import { RelayError } from '../ports/relay.ts'
import { endLongWaits } from '../store/outbox.ts'
import { pauseRelay, readPause } from './pauses.ts'
import { submit } from './submit.ts'

const DAY = 24 * 3_600_000

test('a message that waits for a retry is sent, and one that is not set back waits', async () => {
  const ports = await testPorts()
  const { answer } = ports.relay
  ports.relay.answer = () => new RelayError('transient', 'not now')
  const { id } = await submit(ports, KEY, DRAFT)
  await drain(ports)
  ports.relay.answer = answer
  assert.equal(await endLongWaits(ports, longestWaits(ports)), 0)
  ports.clock.advance(-DAY)
  assert.equal(await sweepSends(ports), 0)
  assert.equal(await endLongWaits(ports, longestWaits(ports)), 1)
  assert.equal(await sweepSends(ports), 1)
  await drain(ports)
  assert.equal(ports.relay.relayed.length, 1)
  assert.ok((await getSent(ports.table, KEY.accountId, id)).recipients.every(({ pending }) => !pending))
})

test('a pause of the relay is over', async () => {
  const ports = await testPorts()
  await pauseRelay(ports, 'throttled', 60_000)
  assert.ok(await readPause(ports.table, ports.clock.now(), 'a'))
  ports.clock.advance(-DAY)
  assert.equal(await readPause(ports.table, ports.clock.now(), 'a'), undefined)
})
