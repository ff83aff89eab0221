import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Item, Key, Page, Query, Table, Write } from '@kabutar/core/ports/table.ts'
import { decodeCursor, encodeCursor, keyOf } from '@kabutar/core/ports/table-rules.ts'

/** The index entry of a row before a change, until the change is seen. */
type Change = { readonly visibleAt: number; readonly before: Item | undefined }

/** An index that lags behind its table: a query answers the entries as they were before the changes not yet seen. */
export class LateIndex {
  readonly #table: Table
  readonly #clock: Clock
  readonly #delayMs: () => number
  readonly #changes = new Map<string, Change[]>()

  constructor(table: Table, clock: Clock, delayMs: () => number) {
    this.#table = table
    this.#clock = clock
    this.#delayMs = delayMs
  }

  /** Runs a call that does `writes`, and remembers what they changed if it succeeds. */
  async follow<T>(writes: readonly Write[], call: () => Promise<T>): Promise<T> {
    const keys = writes.slice(0, 100).map(keyOf)
    const before = await this.#table.getMany(keys)
    const answer = await call()
    for (const [i, key] of keys.entries()) {
      const changes = this.#changes.get(nameOf(key)) ?? []
      changes.push({ visibleAt: this.#clock.now() + this.#delayMs(), before: before[i] })
      this.#changes.set(nameOf(key), changes)
    }
    return answer
  }

  async query(query: Query): Promise<Page> {
    const unseen = this.#unseen()
    const page = await this.#table.query({ ...query, limit: query.limit + unseen.size + 1 })
    const old = [...unseen.values()].filter((item): item is Item => item !== undefined && this.#matches(query, item))
    const items = [...page.items.filter((item) => !unseen.has(nameOf(item))), ...old.map(entryOf)]
      .toSorted((a, b) => compare(a, b) * (query.reverse ? -1 : 1))
      .slice(0, query.limit + 1)
    if (items.length <= query.limit) return { items }
    const answered = items.slice(0, query.limit)
    return { items: answered, cursor: encodeCursor(query, answered.at(-1) as Item) }
  }

  /** The entries that the index still has, by row. */
  #unseen(): Map<string, Item | undefined> {
    const unseen = new Map<string, Item | undefined>()
    for (const [name, changes] of this.#changes) {
      const waiting = changes.filter(({ visibleAt }) => visibleAt > this.#clock.now())
      if (waiting[0]) unseen.set(name, waiting[0].before)
      if (waiting.length > 0) this.#changes.set(name, waiting)
      else this.#changes.delete(name)
    }
    return unseen
  }

  #matches(query: Query, item: Item): boolean {
    const { gs1pk, gs1sk, ttl } = item
    if (gs1pk !== query.pk || typeof gs1sk !== 'string') return false
    if (typeof ttl === 'number' && ttl * 1000 <= this.#clock.now()) return false
    const position = decodeCursor(query)
    const beyond = position && compareTexts(positionOf(item), position) * (query.reverse ? -1 : 1) <= 0
    return !beyond && inBounds(query, gs1sk)
  }
}

function inBounds({ prefix, from, to }: Query, gs1sk: string): boolean {
  if (prefix !== undefined) return gs1sk.startsWith(prefix)
  return !((from && compareTexts([gs1sk], [from]) < 0) || (to && compareTexts([gs1sk], [to]) > 0))
}

const nameOf = ({ pk, sk }: Key) => JSON.stringify([pk, sk])

function entryOf({ pk, sk, gs1pk, gs1sk, ttl }: Item): Item {
  return { pk, sk, gs1pk, gs1sk, ...(ttl !== undefined && { ttl }) } as Item
}

const positionOf = ({ gs1sk, pk, sk }: Item): readonly string[] => [String(gs1sk), pk, sk]
const compare = (a: Item, b: Item) => compareTexts(positionOf(a), positionOf(b))

function compareTexts(a: readonly string[], b: readonly string[]): number {
  for (const [i, text] of a.entries()) {
    const difference = Buffer.compare(Buffer.from(text), Buffer.from(b[i] ?? ''))
    if (difference !== 0) return difference
  }
  return 0
}
