import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableContract } from '@kabutar/core/ports/table.contract.ts'
import type { Table, Write } from '@kabutar/core/ports/table.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { systemClock } from '../system-clock.ts'
import { memoryEngine, openEngine } from './engine.ts'
import { sqliteTable } from './table.ts'

tableContract('the embedded engine', async () => ({ table: sqliteTable(openEngine(temporaryFolder()), systemClock) }))

function tableAt(): { table: ReturnType<typeof sqliteTable>; time: { now: number } } {
  const time = { now: 1_800_000_000_000 }
  return { table: sqliteTable(memoryEngine(), { ...systemClock, now: () => time.now }), time }
}

const rowsOf = async (table: Table, pk: string) => (await table.query({ pk, limit: 100 })).items.map((item) => item.sk)

test('a transaction whose last write is too large or invalid writes nothing', async () => {
  const { table } = tableAt()
  await table.write({ kind: 'put', item: { pk: 'a', sk: 'full', text: 'x'.repeat(60_000) } })
  const first: Write = { kind: 'put', item: { pk: 'a', sk: '1' } }
  const grow: Write = { kind: 'update', key: { pk: 'a', sk: 'full' }, set: { more: 'x'.repeat(6000) } }
  await assert.rejects(table.transact([first, grow]), { code: 'TooLarge' })
  const add: Write = { kind: 'update', key: { pk: 'a', sk: 'full' }, add: { text: 1 } }
  await assert.rejects(table.transact([first, add]), { code: 'Invalid' })
  assert.deepEqual(await rowsOf(table, 'a'), ['full'])
})

test('deleteExpired deletes expired rows up to its limit, and expired tokens', async () => {
  const { table, time } = tableAt()
  const ttl = time.now / 1000 + 60
  for (const sk of ['1', '2', '3']) await table.write({ kind: 'put', item: { pk: 'a', sk, ttl } })
  await table.write({ kind: 'put', item: { pk: 'a', sk: 'stays' } })
  const count: Write = { kind: 'update', key: { pk: 'a', sk: 'count' }, add: { n: 1 } }
  await table.transact([count], { token: 't' })
  assert.equal(await table.deleteExpired(), 0)
  time.now += 60_000
  assert.deepEqual(await rowsOf(table, 'a'), ['count', 'stays'])
  assert.equal(await table.deleteExpired(2), 2)
  assert.equal(await table.deleteExpired(), 1)
  time.now += 10 * 60_000
  await table.deleteExpired()
  await table.transact([count], { token: 't' })
  assert.equal((await table.get(count.key))?.n, 2)
})

test('a row whose JSON is damaged has its key alone, is never updated, and can be deleted', async () => {
  const engine = memoryEngine()
  const table = sqliteTable(engine, systemClock)
  for (const sk of ['1', '2', '3']) await table.write({ kind: 'put', item: { pk: 'p', sk, format: 1 } })
  engine.db.exec(`UPDATE item SET doc = '{"pk":"p","sk":"2","for' WHERE sk = '2'`)
  const key = { pk: 'p', sk: '2' }
  assert.deepEqual((await table.query({ pk: 'p', limit: 9 })).items, [
    { pk: 'p', sk: '1', format: 1 },
    key,
    { pk: 'p', sk: '3', format: 1 },
  ])
  assert.deepEqual([await table.get(key), ...(await table.getMany([key]))], [key, key])
  await assert.rejects(table.write({ kind: 'update', key, set: { x: 1 }, if: [{ exists: true }] }), { code: 'Damaged' })
  await table.write({ kind: 'delete', key, if: [{ exists: true }] })
  assert.equal(await table.get(key), undefined)
})
