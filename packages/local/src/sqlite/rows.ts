import type { Clock } from '@kabutar/core/ports/clock.ts'
import {
  type Condition,
  type Item,
  type Json,
  type Key,
  type Page,
  type Query,
  StoreError,
  type Write,
} from '@kabutar/core/ports/table.ts'
import {
  checkItem,
  checkItemKeys,
  checkQuery,
  decodeCursor,
  encodeCursor,
  keyOf,
  TABLE_RULES,
} from '@kabutar/core/ports/table-rules.ts'
import { type Engine, reading } from './engine.ts'
import { holds, updated } from './expressions.ts'
import { getManySql, indexColumns, indexEntry, querySql } from './query.ts'

type Stored = { readonly rowid: number; readonly doc: string }
/** `damaged`: the JSON of the row cannot be parsed, so that `item` has its key alone. */
type Found = { readonly rowid: number; readonly item: Item; readonly damaged: boolean }
/** A write whose conditions hold: `old` if the row was read, `next` and its JSON text `doc` if a row is to be stored. */
export type Planned = {
  readonly write: Write
  readonly old: Found | undefined
  readonly next?: Item
  readonly doc?: string
}

const SELECT = 'SELECT rowid, doc FROM item WHERE pk = ? AND sk = ?'
const SELECT_TTL = 'SELECT ttl FROM item WHERE pk = ? AND sk = ?'
const PUT = `INSERT INTO item (pk, sk, gs1pk, gs1sk, ttl, doc) VALUES (?, ?, ?, ?, ?, ?)
  ON CONFLICT (pk, sk) DO UPDATE
  SET gs1pk = excluded.gs1pk, gs1sk = excluded.gs1sk, ttl = excluded.ttl, doc = excluded.doc`
const PUT_IF_ABSENT = `${PUT} WHERE item.ttl <= ?`
const UPDATE = 'UPDATE item SET gs1pk = ?, gs1sk = ?, ttl = ?, doc = ? WHERE rowid = ?'
const UPDATE_DOC = 'UPDATE item SET doc = ? WHERE rowid = ?'
const DELETE = 'DELETE FROM item WHERE pk = ? AND sk = ?'
const TOKEN_KNOWN = 'SELECT 1 FROM transaction_token WHERE token = ? AND used_at > ?'
const PUT_TOKEN = 'INSERT OR REPLACE INTO transaction_token (token, used_at) VALUES (?, ?)'
const DELETE_EXPIRED = 'DELETE FROM item WHERE rowid IN (SELECT rowid FROM item WHERE ttl <= ? LIMIT ?)'
const DELETE_TOKENS = 'DELETE FROM transaction_token WHERE used_at <= ?'

/** Reads and writes rows of the engine. Methods that write run inside `Engine.commit`. */
export class Rows {
  readonly #engine: Engine
  readonly #clock: Clock

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine
    this.#clock = clock
  }

  /** Reads a row, even if it is expired. */
  find(key: Key): Found | undefined {
    const stored = this.#engine.statement(SELECT).get(key.pk, key.sk) as Stored | undefined
    return stored && { rowid: stored.rowid, ...parsed(key, stored.doc) }
  }

  /** Reads many rows in one statement, which costs less than half of one statement for each. */
  findMany(keys: readonly Key[]): readonly (Item | undefined)[] {
    const found: (Item | undefined)[] = keys.map(() => undefined)
    if (keys.length === 0) return found
    const values = keys.flatMap(({ pk, sk }) => [pk, sk])
    for (const { at, doc } of this.#engine.statement(getManySql(keys.length)).all(...values)) {
      const key = keys[at as number] as Key
      found[at as number] = this.#ifLive(parsed(key, doc as string).item)
    }
    return found
  }

  /** Answers the row unless it is expired. */
  live(found: Found | undefined): Item | undefined {
    return found && this.#ifLive(found.item)
  }

  page(query: Query): Page {
    checkQuery(query)
    const { sql, values } = querySql(query, decodeCursor(query), this.#seconds())
    const found = reading(() => this.#engine.statement(sql).all(...values))
    const items = found
      .slice(0, query.limit)
      .map((row) =>
        query.index ? indexEntry(row) : parsed({ pk: query.pk, sk: row.sk as string }, row.doc as string).item,
      )
    const last = items.at(-1) as Item | undefined
    return found.length > query.limit && last ? { items, cursor: encodeCursor(query, last) } : { items }
  }

  /**
   * Checks a write and computes its row, and writes nothing. Undefined if a condition fails.
   * @throws {StoreError} `Invalid` for an `add` to a value that is no number, `TooLarge`, `Damaged`
   */
  plan(write: Write): Planned | undefined {
    if (write.kind === 'put' && asksOnlyExistence(write.if)) {
      const live = write.if?.length ? this.#exists(write.item) : false
      return holds(write.if, undefined, live) ? { write, old: undefined, ...documented(write.item) } : undefined
    }
    const old = this.find(keyOf(write))
    if (old?.damaged && write.kind === 'update')
      throw new StoreError('Damaged', 'a row that is damaged cannot be updated')
    if (!holds(write.if, old?.item, this.live(old) !== undefined)) return undefined
    if (write.kind === 'put') return { write, old, ...documented(write.item) }
    return write.kind === 'update' ? { write, old, ...documented(updated(write, old?.item)) } : { write, old }
  }

  store({ write, old, next, doc }: Planned): void {
    if (write.kind === 'delete' && old) this.#engine.statement(DELETE).run(write.key.pk, write.key.sk)
    if (next === undefined || doc === undefined) return
    if (old) this.#replace(old, next, doc)
    else this.put(next, doc)
  }

  put(item: Item, doc: string): void {
    this.#engine.statement(PUT).run(item.pk, item.sk, ...indexColumns(item), doc)
  }

  /** Puts a row unless there is a live one. Answers false if there is: then it has written nothing. */
  putIfAbsent(item: Item, doc: string): boolean {
    const { changes } = this.#engine
      .statement(PUT_IF_ABSENT)
      .run(item.pk, item.sk, ...indexColumns(item), doc, this.#seconds())
    return Number(changes) > 0
  }

  tokenKnown(token: string): boolean {
    return this.#engine.statement(TOKEN_KNOWN).get(token, this.#oldestToken()) !== undefined
  }

  putToken(token: string): void {
    this.#engine.statement(PUT_TOKEN).run(token, this.#clock.now())
  }

  /** Deletes expired tokens, and at most `limit` expired rows. Answers how many rows it deleted. */
  deleteExpired(limit: number): number {
    this.#engine.statement(DELETE_TOKENS).run(this.#oldestToken())
    return Number(this.#engine.statement(DELETE_EXPIRED).run(this.#seconds(), limit).changes)
  }

  #replace(old: Found, next: Item, doc: string): void {
    const same = old.item.gs1pk === next.gs1pk && old.item.gs1sk === next.gs1sk && old.item.ttl === next.ttl
    if (same) this.#engine.statement(UPDATE_DOC).run(doc, old.rowid)
    else this.#engine.statement(UPDATE).run(...indexColumns(next), doc, old.rowid)
  }

  #exists(key: Key): boolean {
    const found = this.#engine.statement(SELECT_TTL).get(key.pk, key.sk) as { ttl: Json } | undefined
    return found !== undefined && this.#isLive(found.ttl)
  }

  #ifLive(item: Item): Item | undefined {
    return this.#isLive(item.ttl) ? item : undefined
  }

  #isLive(ttl: Json | undefined): boolean {
    return typeof ttl !== 'number' || ttl > this.#seconds()
  }

  #seconds(): number {
    return this.#clock.now() / 1000
  }

  #oldestToken(): number {
    return this.#clock.now() - TABLE_RULES.tokenLifetimeMs
  }
}

/** One UTF-16 unit of JSON text counts as at most 6 bytes by the table's rules: a shorter text needs no counting. */
const SURELY_FITS = TABLE_RULES.maxItemBytes / 6

/** Writes a row out as the JSON text that is stored. @throws {StoreError} `Invalid`, `TooLarge` */
export function documentOf(item: Item): string {
  const doc = JSON.stringify(item)
  if (doc.length > SURELY_FITS) checkItem(item)
  else checkItemKeys(item)
  return doc
}

/** A row that is damaged is answered with its key alone: without a format its reader refuses it, and names it. */
function parsed({ pk, sk }: Key, doc: string): Pick<Found, 'item' | 'damaged'> {
  try {
    return { item: JSON.parse(doc) as Item, damaged: false }
  } catch {
    return { item: { pk, sk }, damaged: true }
  }
}

const documented = (next: Item) => ({ next, doc: documentOf(next) })

const asksOnlyExistence = (conditions: readonly Condition[] = []) =>
  conditions.every((condition) => 'exists' in condition)
