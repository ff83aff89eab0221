/**
 * The capacity units and the storage that DynamoDB on demand bills for rows. Counters at the port and at the wire both use
 * this.
 */
import type { Item } from '@kabutar/core/ports/table.ts'
import { itemBytes } from '@kabutar/core/ports/table-rules.ts'

const WRITE_STEP = 1024
const READ_STEP = 4096
/** Bytes that DynamoDB stores with each row, and with each entry of an index. */
const OVERHEAD_BYTES = 100

/**
 * Write request units of one row's change: 1 per KB of the larger of the old and the new row, `times` 2 in a
 * transaction. The index is written apart, once.
 */
export function writeUnits(before: Item | undefined, after: Item | undefined, times: 1 | 2): number {
  const base = Math.max(steps(bytesOf(before), WRITE_STEP), steps(bytesOf(after), WRITE_STEP))
  return times * base + indexUnits(indexEntry(before), indexEntry(after))
}

/** Units of a write whose condition failed, or whose transaction was cancelled: those of writing the row that is there. */
export function failedWriteUnits(before: Item | undefined, times: 1 | 2): number {
  return times * steps(bytesOf(before), WRITE_STEP)
}

/** Read request units of one row, strongly consistent: 1 per 4 KB. A missing row costs as much as the smallest. */
export function readUnits(item: Item | undefined): number {
  return steps(bytesOf(item), READ_STEP)
}

/** Read request units of a query, by the bytes of all rows that it read. An eventually consistent read costs half. */
export function pageUnits(bytes: number, consistent: boolean): number {
  return steps(bytes, READ_STEP) * (consistent ? 1 : 0.5)
}

/** Bytes that a row occupies, with its entry in the index. */
export function storedBytes(item: Item | undefined): number {
  const entry = indexEntry(item)
  return (item ? itemBytes(item) + OVERHEAD_BYTES : 0) + (entry ? itemBytes(entry) + OVERHEAD_BYTES : 0)
}

/** A new or a removed entry is one write; a moved one is both; one whose `ttl` alone changes is one. */
function indexUnits(before: Item | undefined, after: Item | undefined): number {
  if (!before && !after) return 0
  if (!before || !after) return steps(bytesOf(before ?? after), WRITE_STEP)
  if (before.gs1pk !== after.gs1pk || before.gs1sk !== after.gs1sk) {
    return steps(bytesOf(before), WRITE_STEP) + steps(bytesOf(after), WRITE_STEP)
  }
  return before.ttl === after.ttl ? 0 : steps(bytesOf(after), WRITE_STEP)
}

/** The attributes that the index has of a row; undefined if it has no entry. */
function indexEntry(item: Item | undefined): Item | undefined {
  if (!item || item.gs1pk === undefined || item.gs1sk === undefined) return undefined
  const { pk, sk, gs1pk, gs1sk, ttl } = item
  return { pk, sk, gs1pk, gs1sk, ...(ttl !== undefined && { ttl }) } as Item
}

const bytesOf = (item: Item | undefined) => (item ? itemBytes(item) : 0)

function steps(bytes: number, step: number): number {
  return Math.max(1, Math.ceil(bytes / step))
}
