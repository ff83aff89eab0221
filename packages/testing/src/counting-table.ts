/**
 * Counts what the calls of a table would cost on DynamoDB on demand, in capacity units. It is for tests and the cost report
 * only: it reads each row before it writes it, and may count two writers of one row by a stale size. It does not see, and
 * so does not count, expired rows that a query reads and leaves out.
 */

import type { Item, Page, Query, Table, Write } from '@kabutar/core/ports/table.ts'
import { isConditionFailed } from '@kabutar/core/ports/table.ts'
import { inOrder, itemBytes, keyOf } from '@kabutar/core/ports/table-rules.ts'
import { failedWriteUnits, pageUnits, readUnits, storedBytes, writeUnits } from './units.ts'

export type Units = {
  /** Write and read request units, as units.ts says. */
  readonly write: number
  readonly read: number
}
type CountingTable = Table & {
  units(): Units
  /** Bytes by which the table has grown; below 0 if it shrank. */
  grownBytes(): number
  reset(): void
}

export function countingTable(table: Table): CountingTable {
  let write = 0
  let read = 0
  let grown = 0
  const wrote = (before: Item | undefined, after: Item | undefined, times: 1 | 2) => {
    write += writeUnits(before, after, times)
    grown += storedBytes(after) - storedBytes(before)
  }
  const writeOne = async (one: Write) => {
    const before = await table.get(keyOf(one))
    // A check is a transaction of its own.
    const times = one.kind === 'check' ? 2 : 1
    try {
      const answer = await table.write(one)
      wrote(before, one.kind === 'delete' ? undefined : (answer ?? before), times)
      return answer
    } catch (error) {
      if (isConditionFailed(error)) write += failedWriteUnits(before, times)
      throw error
    }
  }
  return {
    units: () => ({ write, read }),
    grownBytes: () => grown,
    reset() {
      write = 0
      read = 0
      grown = 0
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
        for (const i of writes.keys()) wrote(before[i], after[i], 2)
      } catch (error) {
        if (isConditionFailed(error)) write += sum(before.map((item) => failedWriteUnits(item, 2)))
        throw error
      }
    },
  }
}

function countedReads(table: Table, count: (units: number) => void): Pick<Table, 'get' | 'getMany' | 'query'> {
  return {
    async get(key) {
      const item = await table.get(key)
      count(readUnits(item))
      return item
    },
    async getMany(keys) {
      const items = await table.getMany(keys)
      const distinct = new Map(keys.map(({ pk, sk }, i) => [JSON.stringify([pk, sk]), items[i]]))
      for (const item of distinct.values()) count(readUnits(item))
      return items
    },
    async query(query) {
      const page = await table.query(query)
      count(queryUnits(query, page))
      return page
    },
  }
}

/** The adapter reads one row past a full page to know that there is more; this one counts as large as the last. */
function queryUnits(query: Query, page: Page): number {
  const last = page.items.at(-1)
  const bytes = sum(page.items.map(itemBytes)) + (page.cursor !== undefined && last ? itemBytes(last) : 0)
  return pageUnits(bytes, !query.index)
}

async function rowsOf(table: Table, writes: readonly Write[]): Promise<readonly (Item | undefined)[]> {
  return writes.length <= 100 ? table.getMany(writes.map(keyOf)) : []
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
