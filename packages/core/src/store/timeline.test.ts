import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import fc from 'fast-check'
import { systemClock } from '../ports/clock.ts'
import { uuidIds } from '../ports/ids.ts'
import type { Table } from '../ports/table.ts'
import { dayKey, listDays, putDay } from './timeline.ts'

const DAY_MS = 86_400_000
const START = Date.UTC(2026, 10, 22)

/** Rows of three days whose ids end in digits of these; answers the ids, newest first. */
async function filled(table: Table, count: number, digits: string): Promise<readonly string[]> {
  let now = START
  const ids = uuidIds({ now: () => now, sleep: async () => undefined })
  const written = Array.from({ length: count }, (_, n) => {
    now = START + Math.floor((n * 3 * DAY_MS) / count)
    return ids.next().slice(0, -1) + digits[n % digits.length]
  })
  for (const id of written) {
    await putDay(table, 'a', 'in', id)
    await table.write({ kind: 'put', item: dayKey('a', 'in', id) })
  }
  return written.reverse()
}

async function walk(table: Table, limit: number, from: 'after' | 'before', at: string | undefined) {
  const seen: string[] = []
  for (let pages = 0, edge = at; pages < 500; pages++) {
    const { items, hasMore } = await listDays(table, 'a', 'in', { limit, ...(edge && { [from]: edge }) })
    const page = items.map(({ sk }) => sk)
    if (from === 'after') seen.push(...page)
    else seen.unshift(...page)
    edge = from === 'after' ? page.at(-1) : page[0]
    if (!hasMore) return seen
  }
  throw new Error('the list does not end')
}

test('pages are whole and in order, however the ids fall into shards', async () => {
  const shards = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 30 })
  const cases = fc.record({
    digits: shards,
    count: fc.nat(80),
    limit: fc.integer({ min: 1, max: 100 }),
    at: fc.nat(80),
  })
  await fc.assert(
    fc.asyncProperty(cases, async ({ digits, count, limit, at }) => {
      const table = sqliteTable(memoryEngine(), systemClock)
      const ids = await filled(table, count, digits)
      assert.deepEqual(await walk(table, limit, 'after', undefined), ids)
      const edge = ids[at]
      if (edge === undefined) return
      assert.deepEqual(await walk(table, limit, 'after', edge), ids.slice(at + 1))
      assert.deepEqual(await walk(table, limit, 'before', edge), ids.slice(0, at))
    }),
    { seed: 20261122, numRuns: 60 },
  )
})

test('a page reads little more than it shows', async () => {
  const table = sqliteTable(memoryEngine(), systemClock)
  const [, , , , , at] = await filled(table, 900, '0123456789abcdef')
  let rows = 0
  const counted: Table = {
    ...table,
    query: async (query) => {
      const page = await table.query(query)
      rows += page.items.length
      return page
    },
  }
  const { items } = await listDays(counted, 'a', 'in', { limit: 20, after: at as string })
  assert.equal(items.length, 20)
  assert.ok(rows <= 80, `${rows} rows were read`)
})
