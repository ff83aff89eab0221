/**
 * The one ordered store. Rows are in partitions (`pk`), sorted by the UTF-8 bytes of `sk`; a row is JSON. Reads of the table
 * are strongly consistent. The index is eventually consistent, answers keys only, and is never read to see a write that
 * was just made. Conditions and transactions are the only way to coordinate: no code above this locks, scans or uses SQL.
 */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type Attrs = { readonly [attr: string]: Json }
export type Key = { readonly pk: string; readonly sk: string }
/** Meaningful attributes, if present: `ttl` (epoch seconds; from then on the row is invisible) and `gs1pk`, `gs1sk`. */
export type Item = Key & Attrs

/** All conditions of a list must hold. An attribute that is missing or of another type compares false. */
export type Condition =
  | { readonly exists: boolean }
  | {
      readonly attr: string
      readonly op: '=' | '<' | '<=' | '>' | '>='
      readonly value: string | number
    }
  | { readonly attr: string; readonly op: 'in'; readonly value: readonly (string | number)[] }
  | { readonly attr: string; readonly op: 'present' | 'absent' }

export type Put = { readonly kind: 'put'; readonly item: Item; readonly if?: readonly Condition[] }
/** Creates the row if it is missing. `setOnce` writes only what is absent; `add` starts at 0. */
export type Update = {
  readonly kind: 'update'
  readonly key: Key
  readonly set?: Attrs
  readonly setOnce?: Attrs
  readonly add?: { readonly [attr: string]: number }
  readonly remove?: readonly string[]
  readonly if?: readonly Condition[]
}
type Delete = { readonly kind: 'delete'; readonly key: Key; readonly if?: readonly Condition[] }
/** Checks conditions and writes nothing. */
type Check = { readonly kind: 'check'; readonly key: Key; readonly if: readonly Condition[] }
export type Write = Put | Update | Delete | Check

/**
 * Reads one partition: by `prefix`, or `from`..`to` (both inclusive), or all of it. With `index: 'gs1'`, `pk` is a `gs1pk`
 * and the bounds are of `gs1sk`; such a page has keys only (`pk`, `sk`, `gs1pk`, `gs1sk`, `ttl`).
 */
export type Query = {
  readonly pk: string
  readonly index?: 'gs1'
  readonly prefix?: string
  readonly from?: string
  readonly to?: string
  readonly reverse?: boolean
  readonly limit: number
  readonly cursor?: string
}
/** `cursor` is set only if there is more. It holds the position inside the partition, never the partition. */
export type Page = { readonly items: readonly Item[]; readonly cursor?: string }

export interface Table {
  get(key: Key): Promise<Item | undefined>
  /** Reads at most 100 rows, and answers in the order of the keys. */
  getMany(keys: readonly Key[]): Promise<readonly (Item | undefined)[]>
  query(query: Query): Promise<Page>
  /** Is durable when it resolves. Put and update answer the new row, delete the old one. */
  write(write: Write): Promise<Item | undefined>
  /**
   * Writes one after the other, each durable before the next begins. Stops at the first that is refused; those before it
   * stay. An adapter whose writes share commits may make them in one.
   */
  writeInOrder(writes: readonly Write[]): Promise<void>
  /**
   * Writes all or nothing; at most 100 distinct keys. A `token` makes the call idempotent for 10 minutes.
   * The adapter retries write conflicts with jitter, and throws what still conflicts as `Conflict`.
   */
  transact(writes: readonly Write[], options?: { readonly token?: string }): Promise<void>
}

type StoreErrorCode =
  | 'ConditionFailed'
  | 'Conflict'
  | 'TooLarge'
  | 'Throttled'
  | 'Invalid'
  | 'Unavailable'
  /** The bytes that were read differ from those that were written. */
  | 'Damaged'
  /** Thrown by store/codec.ts: another version wrote the row. */
  | 'UnknownFormat'

/** A refusal of the store. `failed` are the indexes of the writes whose conditions failed. */
export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly failed: readonly number[]

  constructor(code: StoreErrorCode, message: string, options: ErrorOptions & { failed?: readonly number[] } = {}) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
    this.failed = options.failed ?? []
  }
}

/** True if a condition of the write did not hold. */
export function isConditionFailed(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'ConditionFailed'
}
