/**
 * What a process read at most five seconds ago, for what is asked with every mail and seldom changes. Whoever changes it
 * says so, and its own process knows at once; every other within five seconds. Never for what decides whether a mail goes
 * out once, or to whom.
 */
import type { Clock } from '../ports/clock.ts'
import type { Key, Table } from '../ports/table.ts'

export const RECENT_MS = 5000
const MAX_KEPT = 10_000

type Kept<T> = { readonly at: number; readonly value: Promise<T | undefined> }

/** Values by the key that they are read from; undefined is not kept, so that what is new is seen at once. */
export class Recent<T> {
  readonly #tables = new WeakMap<Table, Map<string, Kept<T>>>()

  /** Those who ask at the same time share one `read`. */
  async get(
    { table, clock }: { readonly table: Table; readonly clock: Clock },
    key: Key,
    read: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const kept = this.#tables.get(table) ?? new Map<string, Kept<T>>()
    this.#tables.set(table, kept)
    const [name, now] = [`${key.pk} ${key.sk}`, clock.now()]
    const found = kept.get(name)
    const isRecent = found !== undefined && now >= found.at && now - found.at < RECENT_MS
    const value = isRecent ? await found.value : undefined
    if (value !== undefined) return value
    if (kept.size >= MAX_KEPT) kept.clear()
    const reading = { at: now, value: read() }
    kept.set(name, reading)
    const forget = () => kept.get(name) === reading && kept.delete(name)
    reading.value.then((one) => one === undefined && forget(), forget)
    return reading.value
  }

  /** After it was changed. What is being read in this moment is not kept either. */
  forget(table: Table): void {
    this.#tables.delete(table)
  }
}
