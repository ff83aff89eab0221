import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableContract } from '@kabutar/core/ports/table.contract.ts'
import type { Table, Write } from '@kabutar/core/ports/table.ts'
import { itemBytes } from '@kabutar/core/ports/table-rules.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { countingTable } from './counting-table.ts'

const counted = () => countingTable(sqliteTable(memoryEngine(), systemClock))

tableContract('a counted table', async () => ({ table: counted() }))

const KEY = { pk: 'a', sk: '1' }
const row = (kb: number, attrs = {}) => ({ ...KEY, text: 'x'.repeat(kb * 1024 - 60), ...attrs })
const put = (kb: number, attrs = {}): Write => ({ kind: 'put', item: row(kb, attrs) })
const due = (gs1sk: string) => ({ gs1pk: 'due#1', gs1sk })
const update = (set: object): Write => ({ kind: 'update', key: KEY, set: { ...set } })

const writes: readonly { name: string; before?: Write; write: Write; alone: number; inTransaction: number }[] = [
  { name: 'a small put', write: put(1), alone: 1, inTransaction: 2 },
  { name: 'a put of 2.5 KB', write: put(2.5), alone: 3, inTransaction: 6 },
  { name: 'a put over a larger row', before: put(4), write: put(1), alone: 4, inTransaction: 8 },
  { name: 'an update pays for the whole row', before: put(3), write: update({ v: 1 }), alone: 3, inTransaction: 6 },
  {
    name: 'a delete pays for what goes',
    before: put(2),
    write: { kind: 'delete', key: KEY },
    alone: 2,
    inTransaction: 4,
  },
  { name: 'a delete of nothing', write: { kind: 'delete', key: KEY }, alone: 1, inTransaction: 2 },
  {
    name: 'a check is a transaction',
    before: put(2),
    write: { kind: 'check', key: KEY, if: [{ exists: true }] },
    alone: 4,
    inTransaction: 4,
  },
  { name: 'a new index entry', write: put(1, due('1')), alone: 2, inTransaction: 3 },
  { name: 'an index entry that stays', before: put(1, due('1')), write: update({ v: 1 }), alone: 1, inTransaction: 2 },
  {
    name: 'an index entry that moves',
    before: put(1, due('1')),
    write: update({ gs1sk: '2' }),
    alone: 3,
    inTransaction: 4,
  },
  {
    name: 'an index entry whose ttl changes',
    before: put(1, due('1')),
    write: update({ ttl: 2_000_000_000 }),
    alone: 2,
    inTransaction: 3,
  },
  {
    name: 'an index entry that goes',
    before: put(1, due('1')),
    write: { kind: 'update', key: KEY, remove: ['gs1pk', 'gs1sk'] },
    alone: 2,
    inTransaction: 3,
  },
  {
    name: 'an index entry that goes with its row',
    before: put(1, due('1')),
    write: { kind: 'delete', key: KEY },
    alone: 2,
    inTransaction: 3,
  },
]
for (const { name, before, write, alone, inTransaction } of writes) {
  test(`write units: ${name}`, async () => {
    for (const [units, call] of [
      [alone, (table: Table) => table.write(write)],
      [inTransaction, (table: Table) => table.transact([write])],
    ] as const) {
      const table = counted()
      if (before) await table.write(before)
      table.reset()
      await call(table)
      assert.deepEqual(table.units(), { write: units, read: 0 })
    }
  })
}

test('a failed condition costs a write of the row that stood there', async () => {
  const table = counted()
  await table.write(put(2))
  table.reset()
  const again: Write = { ...put(1), if: [{ exists: false }] } as Write
  await assert.rejects(table.write(again))
  assert.equal(table.units().write, 2)
  await assert.rejects(table.transact([again]))
  assert.equal(table.units().write, 6)
  await assert.rejects(table.write({ kind: 'check', key: KEY, if: [{ exists: false }] }))
  assert.equal(table.units().write, 10)
})

test('the table grows by the bytes of rows and of their index entries, and shrinks again', async () => {
  const table = counted()
  await table.write(put(1))
  const alone = table.grownBytes()
  assert.ok(alone > 1024 && alone < 1024 + 100, `${alone} bytes`)
  await table.write(put(1, due('1')))
  assert.equal(table.grownBytes(), alone + itemBytes(due('1')) + itemBytes({ ...KEY, ...due('1') }) + 100)
  await table.write({ kind: 'delete', key: KEY })
  assert.equal(table.grownBytes(), 0)
})

const reads: readonly { name: string; read(table: Table): Promise<unknown>; units: number }[] = [
  { name: 'a get', read: (table) => table.get(KEY), units: 3 },
  { name: 'a get of nothing', read: (table) => table.get({ pk: 'none', sk: '1' }), units: 1 },
  { name: 'getMany, each row once', read: (table) => table.getMany([KEY, KEY, { pk: 'none', sk: '1' }]), units: 4 },
  { name: 'a query of everything', read: (table) => table.query({ pk: 'a', limit: 9 }), units: 3 },
  { name: 'a query of nothing', read: (table) => table.query({ pk: 'none', limit: 9 }), units: 1 },
  { name: 'a query of the index', read: (table) => table.query({ pk: 'due#1', index: 'gs1', limit: 9 }), units: 0.5 },
]
for (const { name, read, units } of reads) {
  test(`read units: ${name}`, async () => {
    const table = counted()
    await table.write(put(9, due('1')))
    await table.write({ kind: 'put', item: { pk: 'a', sk: '2' } })
    table.reset()
    await read(table)
    assert.deepEqual(table.units(), { write: 0, read: units })
  })
}
