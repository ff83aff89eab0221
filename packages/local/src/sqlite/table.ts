/** The Table port over the embedded engine. One process writes, so a Conflict cannot happen here; see faults.ts. */

import type { Clock } from '@kabutar/core/ports/clock.ts'
import {
  type Condition,
  type Item,
  type Json,
  type Key,
  type Page,
  type Put,
  type Query,
  StoreError,
  type Table,
  type Write,
} from '@kabutar/core/ports/table.ts'
import {
  checkConditions,
  checkGetMany,
  checkKey,
  checkQuery,
  checkTransact,
  checkWrite,
  decodeCursor,
  encodeCursor,
  keyOf,
  TABLE_RULES,
} from '@kabutar/core/ports/table-rules.ts'
import { holds } from './conditions.ts'
import { documentOf } from './document.ts'
import { type Engine, reading } from './engine.ts'
import { indexColumns, indexEntry, manySql, querySql } from './query.ts'
import { updated } from './update.ts'

export type SqliteTable = Table & {
  /** Deletes expired rows and tokens, at most `limit` rows (500 unless told). Answers how many rows went. */
  reap(limit?: number): Promise<number>
}

type Stored = { readonly rowid: number; readonly doc: string }
type Found = { readonly rowid: number; readonly item: Item }
/** A write whose conditions hold: `old` where it was read, `next` with its text where something is stored. */
type Planned = { readonly write: Write; readonly old: Found | undefined; readonly next?: Item; readonly doc?: string }

const SELECT = 'SELECT rowid, doc FROM item WHERE pk = ? AND sk = ?'
const SELECT_TTL = 'SELECT ttl FROM item WHERE pk = ? AND sk = ?'
const INSERT = 'INSERT INTO item (pk, sk, gs1pk, gs1sk, ttl, doc) VALUES (?, ?, ?, ?, ?, ?)'
const OVERWRITE =
  'ON CONFLICT (pk, sk) DO UPDATE SET gs1pk = excluded.gs1pk, gs1sk = excluded.gs1sk, ttl = excluded.ttl, doc = excluded.doc'
const PUT = `${INSERT} ${OVERWRITE}`
const PUT_IF_ABSENT = `${PUT} WHERE item.ttl <= ?`
const UPDATE = 'UPDATE item SET gs1pk = ?, gs1sk = ?, ttl = ?, doc = ? WHERE rowid = ?'
const UPDATE_DOC = 'UPDATE item SET doc = ? WHERE rowid = ?'
const DELETE = 'DELETE FROM item WHERE pk = ? AND sk = ?'
const TOKEN_KNOWN = 'SELECT 1 FROM token WHERE token = ? AND at > ?'
const TOKEN_KEEP = 'INSERT OR REPLACE INTO token (token, at) VALUES (?, ?)'
const REAP_ROWS = 'DELETE FROM item WHERE rowid IN (SELECT rowid FROM item WHERE ttl <= ? LIMIT ?)'
const REAP_TOKENS = 'DELETE FROM token WHERE at <= ?'

export function sqliteTable(engine: Engine, clock: Clock): SqliteTable {
  const rows = new Rows(engine, clock)
  return {
    async get(key) {
      checkKey(key)
      return rows.live(reading(() => rows.look(key)))
    },
    async getMany(keys) {
      checkGetMany(keys)
      return reading(() => rows.findMany(keys))
    },
    query: async (query) => rows.page(query),
    write: (write) => (write.kind === 'put' ? put(engine, rows, write) : change(engine, rows, write)),
    async writeInOrder(writes) {
      const steps = writes.map((write) => {
        if (write.kind === 'put') {
          checkConditions(write.if)
          const doc = documentOf(write.item)
          return () => applyPut(rows, write, doc)
        }
        checkWrite(write)
        return () => apply(rows, write)
      })
      await engine.commit(() => {
        for (const step of steps) step()
      })
    },
    async transact(writes, options = {}) {
      checkTransact(writes)
      await engine.commit(() => transact(rows, writes, options.token))
    },
    reap: (limit = 500) => engine.commit(() => rows.reap(limit)),
  }
}

/** The hottest write: one statement, and the row is measured and written out once. */
async function put(engine: Engine, rows: Rows, write: Put): Promise<Item> {
  checkConditions(write.if)
  const doc = documentOf(write.item)
  return engine.commit(() => applyPut(rows, write, doc))
}

async function change(engine: Engine, rows: Rows, write: Exclude<Write, Put>): Promise<Item | undefined> {
  checkWrite(write)
  return engine.commit(() => apply(rows, write))
}

function applyPut(rows: Rows, write: Put, doc: string): Item {
  const { item } = write
  if (!write.if?.length) rows.put(item, doc)
  else if (asksForAbsence(write.if)) {
    if (!rows.putIfAbsent(item, doc)) throw conditionFailed([0])
  } else {
    if (!rows.plan(write)) throw conditionFailed([0])
    rows.put(item, doc)
  }
  return item
}

function apply(rows: Rows, write: Exclude<Write, Put>): Item | undefined {
  const planned = rows.plan(write)
  if (!planned) throw conditionFailed([0])
  rows.store(planned)
  if (write.kind === 'update') return planned.next
  return write.kind === 'delete' ? rows.live(planned.old) : undefined
}

function transact(rows: Rows, writes: readonly Write[], token: string | undefined): void {
  if (token !== undefined && rows.tokenKnown(token)) return
  const failed: number[] = []
  const plans: Planned[] = []
  for (const [index, write] of writes.entries()) {
    const planned = rows.plan(write)
    if (planned) plans.push(planned)
    else failed.push(index)
  }
  if (failed.length > 0) throw conditionFailed(failed)
  for (const planned of plans) rows.store(planned)
  if (token !== undefined) rows.keepToken(token)
}

/** Rows in the engine; every method but the reads runs inside `commit`. */
class Rows {
  readonly #engine: Engine
  readonly #clock: Clock
  /** The least recently read first. Nobody but this process writes, and every write forgets its row. */
  readonly #recent = new Map<string, Found>()

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine
    this.#clock = clock
  }

  /** As `find`; what is read again and again, such as keys and domains, is remembered until it is written. */
  look(key: Key): Found | undefined {
    const name = nameOf(key)
    const known = this.#recent.get(name)
    if (known === undefined) {
      const found = this.find(key)
      if (found) this.#recent.set(name, found)
      if (this.#recent.size > MAX_RECENT) this.#recent.delete(this.#recent.keys().next().value ?? '')
      return found
    }
    this.#recent.delete(name)
    this.#recent.set(name, known)
    return known
  }

  #forget(key: Key): void {
    this.#recent.delete(nameOf(key))
  }

  find(key: Key): Found | undefined {
    const stored = this.#engine.statement(SELECT).get(key.pk, key.sk) as Stored | undefined
    return stored && { rowid: stored.rowid, item: JSON.parse(stored.doc) as Item }
  }

  /** In one statement, which costs less than half of one for each. */
  findMany(keys: readonly Key[]): readonly (Item | undefined)[] {
    const found: (Item | undefined)[] = keys.map(() => undefined)
    if (keys.length === 0) return found
    const values = keys.flatMap(({ pk, sk }) => [pk, sk])
    for (const { at, doc } of this.#engine.statement(manySql(keys.length)).all(...values))
      found[at as number] = this.#ifLive(JSON.parse(doc as string) as Item)
    return found
  }

  live(found: Found | undefined): Item | undefined {
    return found && this.#ifLive(found.item)
  }

  page(query: Query): Page {
    checkQuery(query)
    const { sql, values } = querySql(query, decodeCursor(query), this.#seconds())
    const found = reading(() => this.#engine.statement(sql).all(...values))
    const items = found
      .slice(0, query.limit)
      .map((row) => (query.index ? indexEntry(row) : JSON.parse(row.doc as string)))
    const last = items.at(-1) as Item | undefined
    return found.length > query.limit && last ? { items, cursor: encodeCursor(query, last) } : { items }
  }

  /**
   * Looks and decides, and writes nothing. Undefined if a condition fails.
   * @throws {StoreError} `Invalid` for an `add` to what is no number, `TooLarge`
   */
  plan(write: Write): Planned | undefined {
    if (write.kind === 'put' && asksOnlyExistence(write.if)) {
      const live = write.if?.length ? this.#exists(write.item) : false
      return holds(write.if, undefined, live) ? { write, old: undefined, ...documented(write.item) } : undefined
    }
    const old = this.find(keyOf(write))
    if (!holds(write.if, old?.item, this.live(old) !== undefined)) return undefined
    if (write.kind === 'put') return { write, old, ...documented(write.item) }
    return write.kind === 'update' ? { write, old, ...documented(updated(write, old?.item)) } : { write, old }
  }

  store({ write, old, next, doc }: Planned): void {
    if (old) this.#forget(old.item)
    if (write.kind === 'delete' && old) this.#engine.statement(DELETE).run(write.key.pk, write.key.sk)
    if (next === undefined || doc === undefined) return
    if (old) this.#replace(old, next, doc)
    else this.put(next, doc)
  }

  put(item: Item, doc: string): void {
    this.#forget(item)
    this.#engine.statement(PUT).run(item.pk, item.sk, ...indexColumns(item), doc)
  }

  /** False if there is a live row: then nothing was written. */
  putIfAbsent(item: Item, doc: string): boolean {
    this.#forget(item)
    const { changes } = this.#engine
      .statement(PUT_IF_ABSENT)
      .run(item.pk, item.sk, ...indexColumns(item), doc, this.#seconds())
    return Number(changes) > 0
  }

  tokenKnown(token: string): boolean {
    return this.#engine.statement(TOKEN_KNOWN).get(token, this.#tokensFrom()) !== undefined
  }

  keepToken(token: string): void {
    this.#engine.statement(TOKEN_KEEP).run(token, this.#clock.now())
  }

  reap(limit: number): number {
    this.#recent.clear()
    this.#engine.statement(REAP_TOKENS).run(this.#tokensFrom())
    return Number(this.#engine.statement(REAP_ROWS).run(this.#seconds(), limit).changes)
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

  #tokensFrom(): number {
    return this.#clock.now() - TABLE_RULES.tokenLifetimeMs
  }
}

const MAX_RECENT = 1000
const nameOf = ({ pk, sk }: Key) => `${pk}\n${sk}`

const conditionFailed = (failed: readonly number[]) =>
  new StoreError('ConditionFailed', 'a condition failed', { failed })

const asksForAbsence = (conditions: readonly Condition[]) =>
  conditions.every((condition) => 'exists' in condition && !condition.exists)

const asksOnlyExistence = (conditions: readonly Condition[] = []) =>
  conditions.every((condition) => 'exists' in condition)

const documented = (next: Item) => ({ next, doc: documentOf(next) })
