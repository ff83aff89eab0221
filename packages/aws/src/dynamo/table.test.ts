import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { tableContract } from '@kabutar/core/ports/table.contract.ts'
import type { Item, Update, Write } from '@kabutar/core/ports/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { freshName, startDynamo } from '../../../../test/aws/dynamo.ts'
import { dynamoTable } from './table.ts'

const dynamo = await startDynamo()
after(() => dynamo.close())

async function emptyTable(clock = systemClock) {
  const name = freshName('table')
  await dynamo.createTable(name)
  return dynamoTable(dynamo.client, name, clock)
}

tableContract('DynamoDB', async () => ({ table: await emptyTable() }))

const item: Item = { pk: 'a', sk: '1', n: 1 }
const putNew: Write = { kind: 'put', item, if: [{ exists: false }] }

test('a put if absent succeeds although its answer is lost; the put of another row fails', async () => {
  const table = await emptyTable()
  dynamo.faults.push({ operation: 'PutItem', kind: 'lost answer' })
  assert.deepEqual(await table.write(putNew), item)
  dynamo.faults.push({ operation: 'PutItem', kind: 'unavailable' })
  await assert.rejects(table.write({ ...putNew, item: { ...item, n: 2 } }), { code: 'ConditionFailed', failed: [0] })
})

test('a conditional update whose answer is lost throws Unavailable, not ConditionFailed', async () => {
  const table = await emptyTable()
  await table.write(putNew)
  const lease: Update = { kind: 'update', key: item, set: { n: 2 }, if: [{ attr: 'n', op: '=', value: 1 }] }
  dynamo.faults.push({ operation: 'UpdateItem', kind: 'lost answer' })
  await assert.rejects(table.write(lease), { code: 'Unavailable' })
  await assert.rejects(table.write(lease), { code: 'ConditionFailed' })
})

test('a transaction whose answer is lost is applied once', async () => {
  const table = await emptyTable()
  dynamo.faults.push({ operation: 'TransactWriteItems', kind: 'lost answer' })
  await table.transact([putNew, { kind: 'update', key: { pk: 'a', sk: '2' }, add: { n: 1 } }])
  assert.equal((await table.get({ pk: 'a', sk: '2' }))?.n, 1)
})

test('a repeated token is applied once, although the time in the conditions differs', async () => {
  let now = 1_800_000_000_000
  const table = await emptyTable({ ...systemClock, now: () => now })
  const count: Update = { kind: 'update', key: { pk: 'a', sk: '1' }, add: { n: 1 }, if: [{ exists: false }] }
  const token = 'a token of more than thirty-six characters'
  await table.transact([count], { token })
  now += 60_000
  await table.transact([count], { token })
  assert.equal((await table.get({ pk: 'a', sk: '1' }))?.n, 1)
})

test('conflicts are retried, in single writes and transactions; throttling is reported', async () => {
  const table = await emptyTable()
  dynamo.faults.push({ operation: 'PutItem', kind: 'conflict' })
  await table.write({ kind: 'put', item })
  for (let n = 0; n < 3; n++) dynamo.faults.push({ operation: 'TransactWriteItems', kind: 'conflict' })
  await table.transact([{ kind: 'put', item: { pk: 'a', sk: '2' } }])
  for (let n = 0; n < 8; n++) dynamo.faults.push({ operation: 'TransactWriteItems', kind: 'conflict' })
  await assert.rejects(table.transact([{ kind: 'put', item: { pk: 'a', sk: '3' } }]), { code: 'Conflict' })
  for (let n = 0; n < 3; n++) dynamo.faults.push({ operation: 'GetItem', kind: 'throttled' })
  await assert.rejects(table.get(item), { code: 'Throttled' })
  assert.deepEqual(dynamo.faults, [])
})

test('while a fifth of the requests to each key is throttled, transactions are repeated and batches read the rest', async () => {
  const table = await emptyTable()
  dynamo.throttle.share = 0.2
  for (let n = 0; n < 20; n++) {
    await table.transact(['a', 'b', 'c'].map((pk) => ({ kind: 'put', item: { pk, sk: `${n}` } }) as const))
  }
  const keys = Array.from({ length: 40 }, (_, n) => ({ pk: 'abcd'.charAt(n % 4), sk: `${n % 20}` }))
  const rows = await table.getMany(keys)
  dynamo.throttle.share = 0
  assert.equal(rows.filter((row) => row !== undefined).length, 30)
  assert.ok(dynamo.throttle.throttled > 10, `${dynamo.throttle.throttled} throttles`)
})

test('a query reads past a long run of expired rows in a few requests', async () => {
  const table = await emptyTable()
  const expired = Array.from(
    { length: 300 },
    (_, n): Write => ({
      kind: 'put',
      item: { pk: 'run', sk: String(n).padStart(4, '0'), ttl: 1 },
    }),
  )
  for (let from = 0; from < 300; from += 100) await table.transact(expired.slice(from, from + 100))
  await table.write({ kind: 'put', item: { pk: 'run', sk: 'z1' } })
  await table.write({ kind: 'put', item: { pk: 'run', sk: 'z2' } })
  dynamo.operations.length = 0
  const page = await table.query({ pk: 'run', limit: 1 })
  assert.deepEqual(page.items, [{ pk: 'run', sk: 'z1' }])
  assert.ok(page.cursor)
  assert.ok(dynamo.operations.length <= 5, `${dynamo.operations.length} requests`)
})
