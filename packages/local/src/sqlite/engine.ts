/**
 * The SQLite file of the embedded platform: rows, queue entries and small blobs, used by one process.
 * A promise of `commit` resolves when its work is on the disk. All callers of one turn of the event loop share one
 * transaction and one fsync (group commit), because the fsync is what limits the rate of durable writes.
 */
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { DataFolderError, type FolderLock, lockFolder, touchPrivate } from '../files/data-folder.ts'
import { checkDatabase } from './check-database.ts'
import type { Waiters } from './waiters.ts'

const SCHEMA = `
  -- The rows of the Table port. doc is the whole row as JSON; the other columns repeat what is searched for.
  CREATE TABLE IF NOT EXISTS item (
    pk    TEXT NOT NULL,
    sk    TEXT NOT NULL,
    gs1pk TEXT,             -- key in the index gs1, if the row is in it
    gs1sk TEXT,
    ttl   NUMERIC,          -- epoch seconds; the row is invisible from then on
    doc   TEXT NOT NULL,
    PRIMARY KEY (pk, sk));
  CREATE INDEX IF NOT EXISTS item_gs1 ON item (gs1pk, gs1sk, pk, sk, ttl) WHERE gs1pk IS NOT NULL AND gs1sk IS NOT NULL;
  CREATE INDEX IF NOT EXISTS item_ttl ON item (ttl) WHERE ttl IS NOT NULL;

  -- Tokens of transactions that were committed: the same token again writes nothing.
  CREATE TABLE IF NOT EXISTS transaction_token (
    token   TEXT PRIMARY KEY,
    used_at INTEGER NOT NULL  -- epoch milliseconds, as all times below
  ) WITHOUT ROWID;

  -- The entries of all queues; the dead letters of a queue are in <queue>:dlq.
  CREATE TABLE IF NOT EXISTS queue_entry (
    id         INTEGER PRIMARY KEY,
    queue      TEXT NOT NULL,
    visible_at INTEGER NOT NULL,  -- when it may be received: its delay or its lease is over
    attempts   INTEGER NOT NULL DEFAULT 0,  -- how often it was received
    excused    INTEGER NOT NULL DEFAULT 0,  -- receipts among these that count as no attempt
    deaths     INTEGER NOT NULL DEFAULT 0,  -- processes that died while this entry alone was in hand
    alone      INTEGER NOT NULL DEFAULT 0,  -- 1 if it is received while no other entry of the queue is in hand
    lease      INTEGER,           -- number of the receive that holds it, NULL if nobody does
    sent_at    INTEGER NOT NULL,
    reason     TEXT,              -- how its last receipt failed; NULL if nobody said
    body       TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS queue_entry_visible ON queue_entry (queue, visible_at);
  CREATE INDEX IF NOT EXISTS queue_entry_alone ON queue_entry (queue) WHERE alone = 1;

  CREATE TABLE IF NOT EXISTS blob (
    key    TEXT PRIMARY KEY,
    bytes  INTEGER NOT NULL,
    sha256 TEXT NOT NULL,     -- of the body, in hexadecimal
    body   BLOB);             -- of up to 64 KB; NULL if it is a file`

/** Callers in one transaction. More wait for the next one, so that a commit never blocks the event loop for long. */
const MAX_BATCH = 256
/** Turns of the event loop for which a transaction waits for more callers. */
const MAX_TURNS = 8

type Waiting = {
  readonly work: () => unknown
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

export class Engine {
  readonly db: DatabaseSync
  /** Consumers that wait for entries, by queue name; see queue.ts. */
  readonly waiters = new Map<string, Waiters>()
  readonly #statements = new Map<string, StatementSync>()
  #waiting: Waiting[] = []
  #scheduled = false
  #lastNumber: number
  readonly #lock: FolderLock | undefined
  #failure: unknown

  constructor(path: string, lock?: FolderLock) {
    this.#lock = lock
    this.db = new DatabaseSync(path, { timeout: 10_000 })
    this.db.exec(
      'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384; PRAGMA wal_autocheckpoint=4000',
    )
    this.db.exec(SCHEMA)
    const newest = this.db.prepare('SELECT max(id) AS id FROM queue_entry').get() as { id: number | null }
    this.#lastNumber = Math.max(Date.now() * 1000, newest.id ?? 0)
  }

  /** Prepares each SQL text once. Callers bind values and never put them into the text. */
  statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known) return known
    const made = this.db.prepare(sql)
    this.#statements.set(sql, made)
    return made
  }

  /** Answers ascending numbers that never repeat, not even after a restart. */
  nextNumber(): number {
    this.#lastNumber += 1
    return this.#lastNumber
  }

  /**
   * Runs `work` in the transaction of this turn, and resolves with its answer when that is durable. There is no
   * savepoint per caller: work that throws a StoreError must not have written yet, or what it wrote is stored. Any other
   * error rolls the transaction back, and then each of its callers runs in a transaction of its own.
   * @throws {StoreError} what `work` threw, or `Unavailable`
   */
  commit<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve, reject })
      this.#schedule()
    })
  }

  /** Why the last transaction was not stored; undefined if it was. */
  get failure(): unknown {
    return this.#failure
  }

  /** Writes one small row, which changes nothing. @throws {StoreError} `Unavailable` */
  probe(): Promise<void> {
    return this.commit(() => {
      this.statement('INSERT OR REPLACE INTO transaction_token (token, used_at) VALUES (?, ?)').run('probe', Date.now())
    })
  }

  /** Writes what is still waiting, closes the file and releases the folder. */
  close(): void {
    while (this.#waiting.length > 0) this.#flush()
    if (this.db.isOpen) this.db.close()
    this.#lock?.release()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#gather(MAX_TURNS, 0))
  }

  /**
   * Waits another turn while each turn brings more callers. Under load this makes fewer and larger transactions; a
   * single caller waits one turn.
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
    if (batch.length === 0 || this.#runTogether(batch)) return
    for (const one of batch) {
      if (!this.#runTogether([one])) one.reject(new StoreError('Unavailable', 'the write could not be stored'))
    }
  }

  /** Runs one transaction. Answers false if it was rolled back and no caller was answered. */
  #runTogether(batch: readonly Waiting[]): boolean {
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
      this.#failure = undefined
    } catch (error) {
      this.#rollBack()
      if (batch.length > 1) return false
      this.#failure = error
      batch[0]?.reject(unavailable(error))
      return true
    }
    for (const { answer, value } of answers) answer(value as never)
    return true
  }

  #rollBack(): void {
    if (this.db.isOpen && this.db.isTransaction) this.db.exec('ROLLBACK')
  }
}

/**
 * Locks a data folder, and opens or creates the file in it, which only its owner may read.
 * @throws {DataFolderError} also if the database is damaged, or empty beside blobs
 */
export function openEngine(folder: string): Engine {
  const lock = lockFolder(folder)
  const path = join(folder, 'kabutar.db')
  try {
    touchPrivate(path)
    checkDatabase(folder, path)
    return new Engine(path, lock)
  } catch (cause) {
    lock.release()
    if (cause instanceof DataFolderError) throw cause
    throw new DataFolderError(`the database ${path} can't be opened (${(cause as Error).message})`, { cause })
  }
}

/** Opens an engine in memory, for tests. */
export function memoryEngine(): Engine {
  return new Engine(':memory:')
}

/** Runs a read. @throws {StoreError} `Unavailable` for every error of SQLite */
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
