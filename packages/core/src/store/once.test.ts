import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { testClock } from '@kabutar/testing/sending-rig.ts'
import { putIfAbsent, transactIf, writeIf } from './once.ts'

const ROW = { pk: 'a', sk: '1', by: 'first' }

test('a refused condition is an answer, and every other refusal an error', async () => {
  const table = sqliteTable(memoryEngine(), testClock())
  assert.equal(await putIfAbsent(table, ROW), true)
  assert.equal(await putIfAbsent(table, { ...ROW, by: 'second' }), false)
  const put = { kind: 'put', item: ROW, if: [{ exists: false }] } as const
  assert.equal(await transactIf(table, [put, { kind: 'delete', key: { pk: 'a', sk: '2' } }]), false)
  assert.equal(
    await writeIf(table, { kind: 'delete', key: ROW, if: [{ attr: 'by', op: '=', value: 'second' }] }),
    false,
  )
  assert.deepEqual(await table.get(ROW), ROW)
  await assert.rejects(putIfAbsent(table, { pk: '', sk: '1' }), { code: 'Invalid' })
})
