import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { testClock } from '@kabutar/testing/sending-rig.ts'
import fc from 'fast-check'
import type { Item, Table } from '../ports/table.ts'
import { newCaches } from './cache.ts'
import { row } from './codec.ts'
import { dayKey, dayPartition, receivedMessageKey, utcDay } from './keys.ts'
import { listMessagesByDay, putDay } from './timeline.ts'

const HOUR = 3_600_000
const DAY_MS = 24 * HOUR
const START = Date.UTC(2026, 10, 22)

function rig() {
  const clock = testClock(START)
  const table: Table = sqliteTable(memoryEngine(), clock)
  return { table, clock, caches: newCaches(clock), ids: uuidIds(clock) }
}
type Rig = ReturnType<typeof rig>

async function put(ports: Rig, id: string): Promise<void> {
  await putDay(ports, 'a', 'in', id)
  await ports.table.write({ kind: 'put', item: row('received-message', receivedMessageKey('a', id), {}) })
}

const remove = ({ table }: Rig, id: string) => table.write({ kind: 'delete', key: receivedMessageKey('a', id) })

/** Rows of some days whose ids end in digits of these; answers the ids, newest first. */
async function filled(ports: Rig, count: number, digits: string, days = 3): Promise<readonly string[]> {
  const written: string[] = []
  for (let n = 0; n < count; n++) {
    ports.clock.advance(START + Math.floor((n * days * DAY_MS) / count) - ports.clock.now())
    written.push(ports.ids.next().slice(0, -1) + digits[n % digits.length])
    await put(ports, written.at(-1) ?? '')
  }
  return written.reverse()
}

const show = (item: Item) => item.sk

async function walk(
  ports: Rig,
  limit: number,
  from: 'after' | 'before',
  at: string | undefined,
  shown = show as Shown,
) {
  const seen: string[] = []
  for (let pages = 0, edge = at; pages < 500; pages++) {
    const options = { limit, ...(edge && { [from]: edge }) }
    const { items, hasMore } = await listMessagesByDay(ports, 'a', 'in', options, shown)
    if (hasMore) assert.equal(items.length, limit, 'a page is full unless the list ends')
    if (from === 'after') seen.push(...items)
    else seen.unshift(...items)
    edge = from === 'after' ? items.at(-1) : items[0]
    if (!hasMore) return seen
  }
  throw new Error('the list does not end')
}
type Shown = (item: Item) => string | undefined

test('pages are whole and in order, however the ids fall into shards', async () => {
  const shards = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 1, maxLength: 30 })
  const cases = fc.record({
    digits: shards,
    count: fc.nat(80),
    limit: fc.integer({ min: 1, max: 100 }),
    at: fc.nat(80),
    hidden: fc.integer({ min: 1, max: 9 }),
  })
  await fc.assert(
    fc.asyncProperty(cases, async ({ digits, count, limit, at, hidden }) => {
      const ports = rig()
      const ids = await filled(ports, count, digits)
      const edge = ids[at]
      for (const gaps of [Number.POSITIVE_INFINITY, hidden]) {
        const left = (list: readonly string[]) => list.filter((id) => ids.indexOf(id) % gaps !== gaps - 1)
        const some: Shown = ({ sk }) => (left([sk]).length > 0 ? sk : undefined)
        assert.deepEqual(await walk(ports, limit, 'after', undefined, some), left(ids))
        if (edge === undefined) continue
        assert.deepEqual(await walk(ports, limit, 'after', edge, some), left(ids.slice(at + 1)))
        assert.deepEqual(await walk(ports, limit, 'before', edge, some), left(ids.slice(0, at)))
      }
    }),
    { seed: 20261122, numRuns: 60 },
  )
})

test('a page reads little more than it shows', async () => {
  const ports = rig()
  const [, , , , , at] = await filled(ports, 900, '0123456789abcdef')
  let rows = 0
  const counted: Table = {
    ...ports.table,
    query: async (query) => {
      const page = await ports.table.query(query)
      rows += page.items.length
      return page
    },
  }
  const { items } = await listMessagesByDay(
    { ...ports, table: counted },
    'a',
    'in',
    { limit: 20, after: at ?? '' },
    show,
  )
  assert.equal(items.length, 20)
  assert.ok(rows <= 80, `${rows} rows were read`)
})

test('days that are empty do not end a list', async () => {
  const ports = rig()
  const ids = await filled(ports, 25, '0', 25)
  for (const id of ids.slice(0, 20)) await remove(ports, id)
  assert.deepEqual(await listMessagesByDay(ports, 'a', 'in', { limit: 3 }, show), {
    items: ids.slice(20, 23),
    hasMore: true,
  })
  assert.deepEqual(await walk(ports, 3, 'after', undefined), ids.slice(20))
})

describe('the row of a day', () => {
  const dayRows = async ({ table }: Rig) =>
    (await table.query({ pk: dayPartition('a'), limit: 99 })).items.map(({ sk }) => sk)
  const list = (ports: Rig) => listMessagesByDay(ports, 'a', 'in', { limit: 9 }, show)

  test('goes with the last message, an hour after the day is over', async () => {
    const ports = rig()
    const id = ports.ids.next()
    await put(ports, id)
    await remove(ports, id)
    for (const [hours, left] of [
      [0, 1],
      [24, 1],
      [24.9, 1],
      [25, 0],
    ] as const) {
      ports.clock.advance(START + hours * HOUR - ports.clock.now())
      await list(ports)
      assert.equal((await dayRows(ports)).length, left, `after ${hours} hours`)
    }
  })

  test('stays while the day has a message', async () => {
    const ports = rig()
    await put(ports, ports.ids.next())
    ports.clock.advance(5 * DAY_MS)
    await list(ports)
    assert.equal((await dayRows(ports)).length, 1)
  })

  test('stays for a message that comes late and is not written yet', async () => {
    const ports = rig()
    const [first, late] = [ports.ids.next(), ports.ids.next()]
    await put(ports, first)
    await remove(ports, first)
    ports.clock.advance(5 * DAY_MS)
    await putDay(ports, 'a', 'in', late)
    assert.deepEqual((await list(ports)).items, [])
    await ports.table.write({ kind: 'put', item: row('received-message', receivedMessageKey('a', late), {}) })
    assert.deepEqual((await list(ports)).items, [late])
  })

  test('stays if a late message renewed it while the list was read', async () => {
    const ports = rig()
    const [first, late] = [ports.ids.next(), ports.ids.next()]
    await put(ports, first)
    await remove(ports, first)
    ports.clock.advance(5 * DAY_MS)
    let renewed = false
    const racing: Table = {
      ...ports.table,
      write: async (write) => {
        if (write.kind === 'delete' && !renewed) {
          renewed = true
          await put(ports, late)
        }
        return ports.table.write(write)
      },
    }
    await list({ ...ports, table: racing })
    assert.ok(renewed)
    assert.deepEqual((await list(ports)).items, [late])
  })

  test('is written once by a process while the day lasts, and each time for a message that is late', async () => {
    const ports = rig()
    const id = ports.ids.next()
    const key = dayKey('a', 'in', utcDay(START))
    const writtenAt = async () => (await ports.table.get(key))?.at
    await putDay(ports, 'a', 'in', id)
    ports.clock.advance(HOUR)
    await putDay(ports, 'a', 'in', ports.ids.next())
    assert.equal(await writtenAt(), START)
    await putDay(ports, 'a', 'in', id)
    assert.equal(await writtenAt(), START + HOUR)
    ports.clock.advance(DAY_MS)
    await putDay(ports, 'a', 'in', id)
    assert.equal(await writtenAt(), START + HOUR + DAY_MS)
  })
})
