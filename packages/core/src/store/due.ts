/**
 * A row that still has work to be done carries `due`: the time from which the sweep looks after it. The row is its own
 * outbox, so a queue entry may be lost by a crash and nothing else is.
 */
import type { Attrs, Item } from '../ports/table.ts'

export const DUE_SHARDS = 16
const TIME_DIGITS = 15

/** The index attributes that make a row due at `at` (epoch milliseconds). `id` ends in a hex digit. */
export function dueAt(id: string, at: number): Attrs {
  const shard = Number.parseInt(id.at(-1) ?? '0', 16) % DUE_SHARDS
  return { gs1pk: `due#${shard}`, gs1sk: `${String(Math.ceil(at)).padStart(TIME_DIGITS, '0')}#${id}` }
}

/** Removing these ends the sweep's interest in the row. */
export const DUE_ATTRIBUTES = ['gs1pk', 'gs1sk'] as const

/** Epoch milliseconds, if the row is due at all. */
export function dueOf(item: Item): number | undefined {
  return typeof item.gs1sk === 'string' ? Number(item.gs1sk.slice(0, TIME_DIGITS)) : undefined
}

/** The upper bound for a query of all that is due until `at`. */
export function dueUntil(at: number): string {
  return `${String(at).padStart(TIME_DIGITS, '0')}~`
}
