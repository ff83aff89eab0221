/** The heat of partitions: which key takes how many of a message's units. A partition of DynamoDB takes 1,000 writes a second. */
import type { Item, Table, Write } from '@kabutar/core/ports/table.ts'
import { keyOf } from '@kabutar/core/ports/table-rules.ts'
import { duePartition, ROWS } from '@kabutar/core/store/keys.ts'
import { failedWriteUnits, writeUnits } from '@kabutar/testing/units.ts'

const PATTERNS = [
  ...new Set([...Object.values(ROWS).map(({ pk }) => pk), duePartition('<kind>', 0).replace(/0$/, '<shard>')]),
]

/** `units`: write units of all partitions of a pattern. `hottest`: those of the one that takes most. */
export type Heat = { readonly pattern: string; readonly units: number; readonly hottest: number }
type HeatTable = Table & {
  /** Answers the heat since the last call, the hottest first. */
  take(): readonly Heat[]
}

/** Counts write units by partition key. It reads each row before and after, so it is for the report only. */
export function heatTable(table: Table): HeatTable {
  let units = new Map<string, number>()
  const add = (key: string, more: number) => units.set(key, (units.get(key) ?? 0) + more)
  const around = async <T>(writes: readonly Write[], times: 1 | 2, run: () => Promise<T>): Promise<T> => {
    const keys = writes.map(keyOf)
    const before = await table.getMany(keys)
    const answer = await run()
    const after = await table.getMany(keys)
    for (const [i, { pk }] of keys.entries()) {
      const [old, now] = [before[i], after[i]]
      const own = Math.max(failedWriteUnits(old, times), failedWriteUnits(now, times))
      add(pk, own)
      const index = writeUnits(old, now, times) - own
      if (index > 0) add(indexPartition(now) ?? indexPartition(old) ?? '', index)
    }
    return answer
  }
  const write: Table['write'] = (one) => around([one], one.kind === 'check' ? 2 : 1, () => table.write(one))
  return {
    ...table,
    write,
    async writeInOrder(writes) {
      for (const one of writes) await write(one)
    },
    transact: (writes, options) => around(writes, 2, () => table.transact(writes, options)),
    take() {
      const taken = heatOf(units)
      units = new Map()
      return taken
    },
  }
}

function indexPartition(item: Item | undefined): string | undefined {
  return item?.gs1pk === undefined ? undefined : String(item.gs1pk)
}

function heatOf(units: ReadonlyMap<string, number>): readonly Heat[] {
  const byPattern = Map.groupBy(units, ([key]) => patternOf(key))
  const heat = [...byPattern].map(([pattern, of]) => {
    const each = of.map(([, amount]) => amount)
    return { pattern, units: each.reduce((sum, one) => sum + one, 0), hottest: Math.max(...each) }
  })
  return heat.toSorted((a, b) => b.hottest - a.hottest)
}

function patternOf(key: string): string {
  return PATTERNS.find((pattern) => new RegExp(`^${pattern.replaceAll(/<[^>]+>/g, '[^#]+')}$`).test(key)) ?? key
}
