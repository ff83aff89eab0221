/**
 * Counts what a table's calls would cost on DynamoDB on demand, by the rules of its capacity units. For tests and the
 * cost report only: it reads each row before it writes it, and two writers of one row may be counted by a stale size.
 * Not seen and so not counted: expired rows that a query reads and leaves out.
 */
import { inOrder } from './in-order.ts'
import type { Item, Page, Query, Table, Write } from './table.ts'
import { isConditionFailed } from './table.ts'
import { itemBytes, keyOf } from './table-rules.ts'

export type Units = {
  /** Write request units: 1 per KB of the larger of the old and the new row, twice in a transaction; and the index. */
  readonly write: number
  /** Read request units: 1 per 4 KB, half of it from the index. */
  readonly read: number
}
export type CountingTable = Table & { units(): Units; reset(): void }

const WRITE_STEP = 1024
const READ_STEP = 4096

export function countingTable(table: Table): CountingTable {
  let write = 0
  let read = 0
  const writeOne = async (one: Write) => {
    const before = await table.get(keyOf(one))
    try {
      const answer = await table.write(one)
      write += writeUnits(before, one.kind === 'delete' ? undefined : (answer ?? before), one.kind === 'check' ? 2 : 1)
      return answer
    } catch (error) {
      if (isConditionFailed(error)) write += steps(before, WRITE_STEP)
      throw error
    }
  }
  return {
    units: () => ({ write, read }),
    reset() {
      write = 0
      read = 0
    },
    ...countedReads(table, (units) => {
      read += units
    }),
    writeInOrder: inOrder(writeOne),
    write: writeOne,
    async transact(writes, options) {
      const before = await rowsOf(table, writes)
      try {
        await table.transact(writes, options)
        const after = await rowsOf(table, writes)
        write += sum(writes.map((_, i) => writeUnits(before[i], after[i], 2)))
      } catch (error) {
        if (isConditionFailed(error)) write += sum(before.map((item) => 2 * steps(item, WRITE_STEP)))
        throw error
      }
    },
  }
}

function countedReads(table: Table, count: (units: number) => void): Pick<Table, 'get' | 'getMany' | 'query'> {
  return {
    async get(key) {
      const item = await table.get(key)
      count(steps(item, READ_STEP))
      return item
    },
    async getMany(keys) {
      const items = await table.getMany(keys)
      const distinct = new Map(keys.map(({ pk, sk }, i) => [JSON.stringify([pk, sk]), items[i]]))
      for (const item of distinct.values()) count(steps(item, READ_STEP))
      return items
    },
    async query(query) {
      const page = await table.query(query)
      count(queryUnits(query, page))
      return page
    },
  }
}

/** What one row's change costs: `times` is 2 in a transaction. The index is written apart, once. */
export function writeUnits(before: Item | undefined, after: Item | undefined, times: 1 | 2): number {
  const base = Math.max(steps(before, WRITE_STEP), steps(after, WRITE_STEP))
  return times * base + indexUnits(indexEntry(before), indexEntry(after))
}

/** A new or a removed entry is one write; a moved one is both; one whose `ttl` alone changes is one. */
function indexUnits(before: Item | undefined, after: Item | undefined): number {
  if (!before && !after) return 0
  if (!before || !after) return steps(before ?? after, WRITE_STEP)
  if (before.gs1pk !== after.gs1pk || before.gs1sk !== after.gs1sk) {
    return steps(before, WRITE_STEP) + steps(after, WRITE_STEP)
  }
  return before.ttl === after.ttl ? 0 : steps(after, WRITE_STEP)
}

/** What the index projects of a row, if it is in it. */
function indexEntry(item: Item | undefined): Item | undefined {
  if (!item || item.gs1pk === undefined || item.gs1sk === undefined) return undefined
  const { pk, sk, gs1pk, gs1sk, ttl } = item
  return { pk, sk, gs1pk, gs1sk, ...(ttl !== undefined && { ttl }) } as Item
}

/** The adapter reads one row past a full page to know that there is more; here it is taken to be as large as the last. */
function queryUnits(query: Query, page: Page): number {
  const last = page.items.at(-1)
  const bytes = sum(page.items.map(itemBytes)) + (page.cursor !== undefined && last ? itemBytes(last) : 0)
  return Math.max(1, Math.ceil(bytes / READ_STEP)) * (query.index ? 0.5 : 1)
}

async function rowsOf(table: Table, writes: readonly Write[]): Promise<readonly (Item | undefined)[]> {
  return writes.length <= 100 ? table.getMany(writes.map(keyOf)) : []
}

/** A missing row costs as much as the smallest. */
function steps(item: Item | undefined, bytes: number): number {
  return Math.max(1, Math.ceil((item ? itemBytes(item) : 0) / bytes))
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
