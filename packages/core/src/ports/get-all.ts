import type { Item, Key, Table } from './table.ts'
import { TABLE_RULES } from './table-rules.ts'

/** `getMany` of any number of keys, in as many reads as that takes. */
export async function getAll(table: Table, keys: readonly Key[]): Promise<readonly (Item | undefined)[]> {
  const items: (Item | undefined)[] = []
  for (let from = 0; from < keys.length; from += TABLE_RULES.maxGetMany) {
    items.push(...(await table.getMany(keys.slice(from, from + TABLE_RULES.maxGetMany))))
  }
  return items
}
