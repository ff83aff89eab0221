import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRAFT, KEY, sweepSends, testPorts } from '@kabutar/testing/sending-rig.ts'
import { StoreError } from '../ports/table.ts'
import { dueSends } from '../sending/entry.ts'
import { submit } from '../sending/submit.ts'
import { sweep } from './outbox.ts'

const MESSAGES = 300
const MINUTE = 60_000

async function dueMessages() {
  const ports = await testPorts()
  await Promise.all(Array.from({ length: MESSAGES }, () => submit(ports, KEY, DRAFT)))
  ports.clock.advance(5 * MINUTE)
  return ports
}

test('a sweep queues what is due in every shard, once', async () => {
  const ports = await dueMessages()
  assert.equal(await sweepSends(ports), MESSAGES)
  assert.equal(await sweepSends(ports), 0)
})

test('a signal that is aborted begins nothing, and the next sweep does it all', async () => {
  const ports = await dueMessages()
  assert.equal(await sweep(ports, { send: dueSends(ports.sendQueue) }, AbortSignal.abort()), 0)
  assert.equal(await sweepSends(ports), MESSAGES)
})

test('a shard that cannot be read fails the sweep, after the others were swept', async () => {
  const ports = await dueMessages()
  const code = 'Unavailable'
  const query: typeof ports.table.query = async (wanted) => {
    if (wanted.pk === 'due#3') throw new StoreError(code, 'the table does not answer')
    return ports.table.query(wanted)
  }
  await assert.rejects(sweepSends({ ...ports, table: { ...ports.table, query } }), { code })
  const before = (await ports.sendQueue.depth()).ready
  const left = await sweepSends(ports)
  // What comes after it in its own lane waits for the next sweep, and nothing else does.
  assert.ok(left > 0 && left < MESSAGES / 4, `${left} left`)
  assert.equal((await ports.sendQueue.depth()).ready, before + left)
})
