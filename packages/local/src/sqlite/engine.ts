/**
 * The embedded engine: one SQLite file for rows, queue entries and small blobs, used by one process.
 * A promise of `commit` resolves when its work is on the disk. Callers of one turn of the event loop share one
 * transaction and one fsync (group commit): that, and not the disk, is what bounds the rate of durable writes.
 */
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { StoreError } from '@kabutar/core/ports/table.ts'
import type { Sleepers } from './waiters.ts'

/** The index begins with its partition, since a sweep asks for each partition alone. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS item (
    pk TEXT NOT NULL, sk TEXT NOT NULL, gs1pk TEXT, gs1sk TEXT, ttl NUMERIC, doc TEXT NOT NULL, PRIMARY KEY (pk, sk));
  CREATE INDEX IF NOT EXISTS item_due ON item (gs1pk, gs1sk, pk, sk, ttl) WHERE gs1pk IS NOT NULL AND gs1sk IS NOT NULL;
  CREATE INDEX IF NOT EXISTS item_ttl ON item (ttl) WHERE ttl IS NOT NULL;
  CREATE TABLE IF NOT EXISTS token (token TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY, queue TEXT NOT NULL, due_at INTEGER NOT NULL, attempts INTEGER NOT NULL,
    lease INTEGER, sent_at INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS entry_due ON entry (queue, due_at);
  CREATE TABLE IF NOT EXISTS blob (key TEXT PRIMARY KEY, body BLOB NOT NULL);`

/** Callers in one transaction; more wait for the next turn, so that the event loop gets its share. */
const MAX_BATCH = 256
/** Turns of the event loop that a transaction waits for more callers, at most. */
const MAX_TURNS = 8

type Waiting = {
  readonly work: () => unknown
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

export class Engine {
  readonly db: DatabaseSync
  /** Consumers that wait for entries, by queue; see queue.ts. */
  readonly sleepers = new Map<string, Sleepers>()
  readonly #statements = new Map<string, StatementSync>()
  #waiting: Waiting[] = []
  #joining: Waiting[] | undefined
  #scheduled = false
  #lastNumber: number

  constructor(path: string) {
    this.db = new DatabaseSync(path, { timeout: 10_000 })
    this.db.exec(
      'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=4000',
    )
    this.db.exec(SCHEMA)
    const newest = this.db.prepare('SELECT max(id) AS id FROM entry').get() as { id: number | null }
    this.#lastNumber = Math.max(Date.now() * 1000, newest.id ?? 0)
  }

  /** Prepared once per SQL text: callers bind values and never build text from them. */
  statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const made = this.db.prepare(sql)
    this.#statements.set(sql, made)
    return made
  }

  /** Ascending, and never given out again, not even after a restart. */
  nextNumber(): number {
    this.#lastNumber += 1
    return this.#lastNumber
  }

  /**
   * Runs `work` in the transaction of this turn and resolves with its answer once that is durable. There is no
   * savepoint per caller: work that throws a StoreError promises to have written nothing, so it looks first and writes
   * then. Any other error takes the transaction back, and each of its callers runs alone.
   * @throws {StoreError} what `work` threw, or `Unavailable`
   */
  commit<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting = { work, resolve, reject }
      if (this.#joining !== undefined) this.#joining.push(waiting)
      else this.#wait(waiting)
    })
  }

  /**
   * What `start` asks to commit before it first waits is done in that order, and all of it or nothing. Only the first part may
   * throw a StoreError of its own.
   */
  joined<T>(start: () => T): T {
    const parts: Waiting[] = []
    this.#joining = parts
    try {
      return start()
    } finally {
      this.#joining = undefined
      if (parts.length > 0) this.#wait(oneOf(parts))
    }
  }

  /** Writes what still waits, then closes the file. */
  close(): void {
    while (this.#waiting.length > 0) this.#flush()
    if (this.db.isOpen) this.db.close()
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#gather(MAX_TURNS, 0))
  }

  /**
   * While a turn of the event loop still brings callers, the next may too: under load this makes fewer and larger
   * transactions, and a caller who is alone waits one turn.
   */
  #gather(turns: number, before: number): void {
    const waiting = this.#waiting.length
    if (turns > 0 && waiting > before && waiting < MAX_BATCH) {
      setImmediate(() => this.#gather(turns - 1, waiting))
      return
    }
    this.#scheduled = false
    this.#flush()
  }

  #flush(): void {
    const batch = this.#waiting
    this.#waiting = batch.splice(MAX_BATCH)
    if (this.#waiting.length > 0) this.#schedule()
    if (batch.length === 0 || this.#together(batch)) return
    for (const one of batch) {
      if (!this.#together([one])) one.reject(new StoreError('Unavailable', 'the write could not be stored'))
    }
  }

  /** One transaction. False if it was taken back: then no caller was answered. */
  #together(batch: readonly Waiting[]): boolean {
    const answers: { readonly answer: (value: never) => void; readonly value: unknown }[] = []
    try {
      this.statement('BEGIN IMMEDIATE').run()
      for (const { work, resolve, reject } of batch) {
        try {
          answers.push({ answer: resolve, value: work() })
        } catch (error) {
          if (!(error instanceof StoreError)) throw error
          answers.push({ answer: reject, value: error })
        }
      }
      this.statement('COMMIT').run()
    } catch (error) {
      this.#takeBack()
      if (batch.length > 1) return false
      batch[0]?.reject(unavailable(error))
      return true
    }
    for (const { answer, value } of answers) answer(value as never)
    return true
  }

  #takeBack(): void {
    if (this.db.isOpen && this.db.isTransaction) this.db.exec('ROLLBACK')
  }
}

function oneOf(parts: readonly Waiting[]): Waiting {
  return {
    work: () => parts.map(({ work }, i) => (i === 0 ? work() : writingAfterOthers(work))),
    resolve(values: readonly unknown[]) {
      for (const [i, { resolve }] of parts.entries()) resolve(values[i] as never)
    },
    reject(error) {
      for (const { reject } of parts) reject(error)
    },
  }
}

/** A refusal now would keep what the parts before it wrote. */
function writingAfterOthers(work: () => unknown): unknown {
  try {
    return work()
  } catch (cause) {
    throw new Error('a joined part failed', { cause })
  }
}

/** Opens or creates the engine's file in a folder that only its owner may read. Hold `lockFolder` before. */
export function openEngine(folder: string): Engine {
  const path = join(privateFolder(folder), 'kabutar.db')
  touchPrivate(path)
  return new Engine(path)
}

/** The same engine without a disk, for tests: nothing outlives it. */
export function memoryEngine(): Engine {
  return new Engine(':memory:')
}

/** Makes the folder if it is missing, readable by its owner alone. */
export function privateFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  return folder
}

/** SQLite gives its side files the mode of the main one, so it is enough that this exists before it is opened. */
export function touchPrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
}

/** Runs a read. @throws {StoreError} `Unavailable` for whatever the engine says */
export function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw unavailable(error)
  }
}

function unavailable(cause: unknown): StoreError {
  return cause instanceof StoreError ? cause : new StoreError('Unavailable', 'the store is not available', { cause })
}
