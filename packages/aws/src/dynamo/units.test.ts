import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Table, Write } from '@kabutar/core/ports/table.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { freshName, startDynamo } from '../../../../test/aws/dynamo.ts'
import { standIn } from '../../../../test/aws/servers.ts'
import { accessKeyOf, between, startUsage } from '../../../../test/aws/usage.ts'
import { dynamoClient, dynamoTable } from './table.ts'

const usage = startUsage()
let before = usage.soFar()
/** Returns what was used since the last call. */
function used() {
  const after = usage.soFar()
  const { by } = between(before, after)
  before = after
  return by.get('test') ?? {}
}
const dynamo = await startDynamo(usage)
const client = dynamoClient(standIn(dynamo.endpoint, accessKeyOf('test')))
after(() => {
  client.destroy()
  dynamo.close()
})

const KEY = { pk: 'a', sk: '1' }
const due = { gs1pk: 'due#1', gs1sk: '1' }
const put = (kb: number, attrs = {}): Write => ({
  kind: 'put',
  item: { ...KEY, text: 'x'.repeat(kb * 1024 - 100), ...attrs },
})
const other: Write = { kind: 'put', item: { pk: 'a', sk: '2', text: 'y'.repeat(5000) } }
const none: Write = { kind: 'put', item: { pk: 'b', sk: '1' }, if: [{ exists: true }] }

const calls: readonly { name: string; run(table: Table): Promise<unknown> }[] = [
  { name: 'a put', run: (table) => table.write(put(3)) },
  { name: 'a smaller put in its place, in the index', run: (table) => table.write(put(2, due)) },
  { name: 'an update', run: (table) => table.write({ kind: 'update', key: KEY, set: { gs1sk: '2', more: 'x' } }) },
  { name: 'a failed condition', run: (table) => table.write({ ...put(1), if: [{ exists: false }] } as Write) },
  { name: 'a failed check', run: (table) => table.write({ kind: 'check', key: KEY, if: [{ exists: false }] }) },
  { name: 'a transaction', run: (table) => table.transact([put(2, { ...due, v: 1 }), other]) },
  { name: 'a transaction that is cancelled', run: (table) => table.transact([other, none]) },
  { name: 'a get', run: (table) => table.get({ pk: 'a', sk: '2' }) },
  { name: 'a get of nothing', run: (table) => table.get({ pk: 'none', sk: '1' }) },
  { name: 'many gets', run: (table) => table.getMany([KEY, { pk: 'a', sk: '2' }, { pk: 'none', sk: '1' }]) },
  { name: 'a query', run: (table) => table.query({ pk: 'a', limit: 9 }) },
  { name: 'a query of nothing', run: (table) => table.query({ pk: 'none', limit: 9 }) },
  { name: 'a query of the index', run: (table) => table.query({ pk: 'due#1', index: 'gs1', limit: 9 }) },
  { name: 'a delete', run: (table) => table.write({ kind: 'delete', key: KEY }) },
  { name: 'a delete of nothing', run: (table) => table.write({ kind: 'delete', key: KEY }) },
]

test('units counted at the wire equal those counted at the port, and those of the emulator where it counts', async () => {
  const name = freshName('units')
  await dynamo.createTable(name)
  const wire = dynamoTable(client, name, systemClock)
  const port = countingTable(sqliteTable(memoryEngine(), systemClock))
  for (const { name, run } of calls) {
    port.reset()
    await Promise.allSettled([run(wire), run(port)])
    const { tableWrites = 0, tableReads = 0, tableGbMonth = 0 } = used()
    const { write, read } = port.units()
    assert.deepEqual([tableWrites, tableReads, tableGbMonth * 1024 ** 3], [write, read, port.grownBytes()], name)
  }
  assert.ok(dynamo.check.ours > 15, `${dynamo.check.ours} units`)
  assert.equal(dynamo.check.ours, dynamo.check.theirs)
})

test('an expired row that a query leaves out is billed', async () => {
  const name = freshName('units')
  await dynamo.createTable(name)
  const table = dynamoTable(client, name, systemClock)
  for (const sk of ['1', '2', '3'])
    await table.write({
      kind: 'put',
      item: { pk: 'a', sk, text: 'x'.repeat(4000), ttl: sk === '3' ? 9_000_000_000 : 1 },
    })
  used()
  assert.equal((await table.query({ pk: 'a', limit: 9 })).items.length, 1)
  assert.equal(used().tableReads, 3)
})

test('requests with the access key of a test are not counted', async () => {
  const name = freshName('units')
  await dynamo.createTable(name)
  used()
  await dynamoTable(dynamo.client, name, systemClock).write(put(1))
  const { tableWrites = 0 } = used()
  assert.equal(tableWrites, 0)
})
