/**
 * Caches of rows that every mail needs and that seldom change. The wiring of a platform makes them once and passes them in.
 * The table below says how old an answer may be: an operation that changes such a row clears the cache of its own process,
 * and every other process sees the change at the latest after that time.
 * Nothing that decides whether a mail goes out once, or to whom, is ever cached.
 */
import type { Clock } from '../ports/clock.ts'
import type { Item, Key } from '../ports/table.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND

/** The age up to which each answer is used. */
export const STALE_MS = {
  /** Other processes accept a deleted API key for this long. */
  apiKeys: 5 * SECOND,
  /** Other processes send from a removed domain for this long. */
  sendingDomains: 5 * SECOND,
  /** Other processes notice a pause of the relay or of an account after this long. */
  pauses: 5 * SECOND,
  /** Other processes notice a change of an account's webhook endpoints after this long. */
  endpoints: 5 * SECOND,
  /** The octets that an account stores are summed once an hour. */
  storage: 60 * SECOND,
  /** Rows of days that are not over stay, so they are only written once. */
  days: 24 * HOUR,
  /** Rows of an endpoint's days expire, so they are written again twice a day. */
  deliveryDays: 12 * HOUR,
} as const
const MAX_KEPT = 10_000

export type Caches = {
  readonly apiKeys: Cache<Item>
  readonly sendingDomains: Cache<Item>
  /** `row` is undefined where there is no pause, which is remembered too. */
  readonly pauses: Cache<{ readonly row: Item | undefined }>
  /** All endpoints of an account. */
  readonly endpoints: Cache<readonly Item[]>
  /** `row` is undefined for an account that was never measured. */
  readonly storage: Cache<{ readonly row: Item | undefined }>
  readonly days: Cache<'noted'>
  readonly deliveryDays: Cache<'noted'>
}

export function newCaches(clock: Pick<Clock, 'now'>): Caches {
  return {
    apiKeys: new Cache(clock, STALE_MS.apiKeys),
    sendingDomains: new Cache(clock, STALE_MS.sendingDomains),
    pauses: new Cache(clock, STALE_MS.pauses),
    endpoints: new Cache(clock, STALE_MS.endpoints),
    storage: new Cache(clock, STALE_MS.storage),
    days: new Cache(clock, STALE_MS.days),
    deliveryDays: new Cache(clock, STALE_MS.deliveryDays),
  }
}

type Kept<T> = { readonly at: number; readonly value: Promise<T | undefined> }

/** Values by the key of their row. `undefined` is not kept, so that a new row is seen at once. */
export class Cache<T> {
  readonly #clock: Pick<Clock, 'now'>
  readonly #staleMs: number
  readonly #kept = new Map<string, Kept<T>>()

  constructor(clock: Pick<Clock, 'now'>, staleMs: number) {
    this.#clock = clock
    this.#staleMs = staleMs
  }

  /**
   * Answers what is known, or reads it. Callers that ask at the same time share one `read`. What was read before `after`
   * (epoch ms) is read again.
   */
  async get(
    { pk, sk }: Key,
    read: () => Promise<T | undefined>,
    after = Number.NEGATIVE_INFINITY,
  ): Promise<T | undefined> {
    const [name, now] = [`${pk} ${sk}`, this.#clock.now()]
    const found = this.#kept.get(name)
    const isFresh = found !== undefined && now >= found.at && now - found.at < this.#staleMs && found.at > after
    const value = isFresh ? await found.value : undefined
    if (value !== undefined) return value
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear()
    const reading = { at: now, value: read() }
    this.#kept.set(name, reading)
    const forget = () => this.#kept.get(name) === reading && this.#kept.delete(name)
    reading.value.then((one) => one === undefined && forget(), forget)
    return reading.value
  }

  /** Forgets everything, after a change. What is being read at this moment is not kept either. */
  clear(): void {
    this.#kept.clear()
  }
}
