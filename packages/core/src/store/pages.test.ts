import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { testClock } from '@kabutar/testing/sending-rig.ts'
import { listRows, pageOfList } from './pages.ts'

const IDS = Array.from({ length: 250 }, (_, n) => String(n).padStart(3, '0'))
const NEWEST_FIRST = IDS.toReversed()

async function table(prefix = '') {
  const rows = sqliteTable(memoryEngine(), testClock())
  for (const id of IDS) await rows.write({ kind: 'put', item: { pk: 'p', sk: prefix + id } })
  if (prefix !== '') for (const sk of ['0', 'z']) await rows.write({ kind: 'put', item: { pk: 'p', sk } })
  return rows
}

test('a list is walked in both directions, with any limit and edge', async () => {
  for (const prefix of ['', 'x#']) {
    const rows = await table(prefix)
    const page = (options: { limit: number; after?: string; before?: string }) =>
      listRows(rows, { pk: 'p', prefix }, options, ({ sk }) => sk.slice(prefix.length))
    assert.deepEqual(await page({ limit: 2 }), { items: ['249', '248'], hasMore: true })
    assert.deepEqual(await page({ limit: 2, after: '248' }), { items: ['247', '246'], hasMore: true })
    assert.deepEqual(await page({ limit: 2, before: '247' }), { items: ['249', '248'], hasMore: false })
    assert.deepEqual(await page({ limit: 1, before: '247' }), { items: ['248'], hasMore: true })
    assert.deepEqual(await page({ limit: 2, after: '001' }), { items: ['000'], hasMore: false })
    assert.deepEqual(await page({ limit: 250 }), { items: NEWEST_FIRST, hasMore: false })
    assert.deepEqual(await page({ limit: 9, after: '000' }), { items: [], hasMore: false })
  }
})

test('rows that are not shown are passed over until the page is full', async () => {
  const rows = await table()
  const some = ({ sk }: { sk: string }) => (Number(sk) % 60 === 0 ? sk : undefined)
  assert.deepEqual(await listRows(rows, { pk: 'p' }, { limit: 2 }, some), { items: ['240', '180'], hasMore: true })
  assert.deepEqual(await listRows(rows, { pk: 'p' }, { limit: 5 }, some), {
    items: ['240', '180', '120', '060', '000'],
    hasMore: false,
  })
})

test('a list in memory is paged in its own order', () => {
  const list = ['c', 'a', 'b', 'd'].map((id) => ({ id }))
  const ids = (options: { limit: number; after?: string; before?: string }) => {
    const { items, hasMore } = pageOfList(list, options)
    return `${items.map(({ id }) => id).join('')} ${hasMore}`
  }
  assert.equal(ids({ limit: 3 }), 'cab true')
  assert.equal(ids({ limit: 3, after: 'a' }), 'bd false')
  assert.equal(ids({ limit: 1, before: 'b' }), 'a true')
  assert.equal(ids({ limit: 4, before: 'b' }), 'ca false')
  assert.equal(ids({ limit: 4, after: 'x' }), ' false')
  assert.equal(ids({ limit: 4, before: 'x' }), ' false')
})
