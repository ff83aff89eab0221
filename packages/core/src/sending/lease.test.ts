import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { DRAFT, KEY, testPorts } from '@kabutar/testing/sending-rig.ts'
import { readMessage } from '../messages/message.ts'
import { DUE_AFTER_LEASE_MS, takeLease, takeUnread } from './lease.ts'
import { submit } from './submit.ts'

const WORKER = { id: 'w', exclusive: false }

async function rig() {
  const ports = await testPorts()
  const table = countingTable(ports.table)
  const { id } = await submit(ports, KEY, DRAFT)
  const bytes = (await readMessage(ports.table, KEY.accountId, id))?.contentBytes ?? 0
  table.reset()
  const unread = (contentBytes: number | undefined = bytes) =>
    takeUnread(
      table,
      { accountId: KEY.accountId, id, attempt: 1, ...(contentBytes !== undefined && { contentBytes }) },
      WORKER,
      ports.clock.now(),
    )
  return { ports, table, id, bytes, unread }
}

test('an untouched message is leased without a read, as it would be with one', async () => {
  const { table, unread } = await rig()
  const leased = await unread()
  assert.deepEqual(table.units(), { write: 1, read: 0 })
  const other = await rig()
  const read = await takeLease(other.table, KEY.accountId, other.id, WORKER, other.ports.clock.now())
  assert.ok(leased !== undefined && !('not' in read))
  const { id: _, messageId: __, due, ...row } = leased.message
  const { id: ___, messageId: ____, due: _____, ...expected } = read.message
  assert.deepEqual(row, expected)
  assert.equal(leased.takenOver, false)
  assert.ok((due ?? 0) >= (leased.message.lease?.until ?? 0) + DUE_AFTER_LEASE_MS)
})

test('whoever comes second gets nothing', async () => {
  const { unread } = await rig()
  const both = await Promise.all([unread(), unread()])
  assert.deepEqual(both.map((one) => one === undefined).sort(), [false, true])
})

test('a row whose due would have to move is read first', async () => {
  const { ports, table, unread } = await rig()
  assert.equal(await unread(40_000_000), undefined)
  ports.clock.advance(10_000)
  assert.equal(await unread(), undefined)
  assert.deepEqual(table.units(), { write: 0, read: 0 })
})

test('what is not there stays so', async () => {
  const { ports, table } = await rig()
  const id = ports.ids.next()
  const entry = { accountId: KEY.accountId, id, attempt: 1, contentBytes: 1 }
  assert.equal(await takeUnread(table, entry, WORKER, ports.clock.now()), undefined)
  assert.equal(await readMessage(ports.table, KEY.accountId, id), undefined)
})
