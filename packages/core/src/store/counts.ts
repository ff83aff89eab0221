/**
 * Counts of rows that an account may have only so many of. A count changes in the transaction that writes or deletes the
 * row, so that racing requests cannot pass the limit.
 */
import { type Condition, isConditionFailed, type Key, type Table, type Update, type Write } from '../ports/table.ts'
import { formatOf } from './codec.ts'

/**
 * Makes the writes that add a row, and counts it, if there are fewer than `most`. Answers false otherwise.
 * @throws {StoreError} `ConditionFailed` for a condition of one of `writes`
 */
export async function addCounted(
  table: Table,
  count: Key & { readonly ttl?: number },
  most: number,
  writes: readonly Write[],
): Promise<boolean> {
  // A count that is missing compares with nothing: its first row says so. Another request may have been faster with it.
  for (const isFirst of [false, true, false]) {
    try {
      await table.transact([...writes, oneMore(count, isFirst ? { attr: 'count', op: 'absent' } : below(most))])
      return true
    } catch (error) {
      if (!isConditionFailed(error) || error.failed.some((index) => index < writes.length)) throw error
    }
  }
  return false
}

const below = (most: number) => ({ attr: 'count', op: '<', value: most }) as const

/** Counts a row that is added whatever the limit is, or only on a condition on the count. */
export function oneMore({ ttl, ...key }: Key & { readonly ttl?: number }, condition?: Condition): Update {
  const set = { ...formatOf('count'), ...(ttl !== undefined && { ttl }) }
  return { kind: 'update', key, set, add: { count: 1 }, ...(condition && { if: [condition] }) }
}

/** Counts a row that is deleted in the same transaction, on the condition that it was there. */
export const oneLess = (count: Key): Update => ({
  kind: 'update',
  key: count,
  set: formatOf('count'),
  add: { count: -1 },
})
