/**
 * The one ordered store. Rows live in partitions (`pk`), sorted by the UTF-8 bytes of `sk`; a row is JSON.
 * Reads of the base table are strongly consistent; the index is eventual, answers keys only and is never read after
 * a write. Conditions and transactions are the only way to coordinate: there is no lock, no scan and no SQL above this.
 */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
export type Attrs = { readonly [attr: string]: Json }
export type Key = { readonly pk: string; readonly sk: string }
/** Meaningful attributes, if present: `ttl` (epoch seconds; from then on the row is invisible) and `gs1pk`, `gs1sk`. */
export type Item = Key & Attrs

/** A list of conditions is ANDed. A missing attribute or one of another type compares false. */
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
export type Delete = { readonly kind: 'delete'; readonly key: Key; readonly if?: readonly Condition[] }
/** Only a condition; writes nothing. */
export type Check = { readonly kind: 'check'; readonly key: Key; readonly if: readonly Condition[] }
export type Write = Put | Update | Delete | Check

/**
 * One partition: by `prefix`, or `from`..`to` (both inclusive), or all of it. With `index: 'gs1'`, `pk` is a `gs1pk` and
 * the bounds speak of `gs1sk`; such a page holds keys only (`pk`, `sk`, `gs1pk`, `gs1sk`, `ttl`).
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
/** `cursor` is there only if there is more. It holds the position inside the partition, never the partition. */
export type Page = { readonly items: readonly Item[]; readonly cursor?: string }

export interface Table {
  get(key: Key): Promise<Item | undefined>
  /** At most 100 keys; answers in the same order. */
  getMany(keys: readonly Key[]): Promise<readonly (Item | undefined)[]>
  query(query: Query): Promise<Page>
  /** Durable when it resolves. Put and update answer the new row, delete the old one. */
  write(write: Write): Promise<Item | undefined>
  /**
   * One after the other, each durable before the next is begun; stops at the first that is refused, and those before it
   * stay. Where writes of one turn share a commit, this costs a single one.
   */
  writeInOrder(writes: readonly Write[]): Promise<void>
  /**
   * All or nothing; at most 100 distinct keys. A `token` makes the call idempotent for 10 minutes.
   * Write conflicts are retried inside with jitter; what still conflicts is thrown as `Conflict`.
   */
  transact(writes: readonly Write[], options?: { readonly token?: string }): Promise<void>
}

export type StoreErrorCode =
  | 'ConditionFailed'
  | 'Conflict'
  | 'TooLarge'
  | 'Throttled'
  | 'Invalid'
  | 'Unavailable'
  /** Of the row codec: another version wrote the row. */
  | 'UnknownFormat'

/** Every way the store can refuse. `failed` are the indexes of the writes whose conditions failed. */
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

/** True for the one refusal that callers plan for. */
export function isConditionFailed(error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'ConditionFailed'
}
