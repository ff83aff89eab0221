/**
 * The Table port over SQLite. Only this process writes, so a `Conflict` cannot occur; tests make them with
 * packages/testing/src/faults.ts.
 */
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { type Condition, type Item, type Put, StoreError, type Table, type Write } from '@kabutar/core/ports/table.ts'
import { checkConditions, checkGetMany, checkKey, checkTransact, checkWrite } from '@kabutar/core/ports/table-rules.ts'
import { type Engine, reading } from './engine.ts'
import { documentOf, type Planned, Rows } from './rows.ts'

export type SqliteTable = Table & {
  /** Deletes expired rows, at most `limit` of them, and expired transaction tokens. Answers how many rows it deleted. */
  deleteExpired(limit?: number): Promise<number>
}

export function sqliteTable(engine: Engine, clock: Clock): SqliteTable {
  const rows = new Rows(engine, clock)
  return {
    async get(key) {
      checkKey(key)
      return rows.live(reading(() => rows.find(key)))
    },
    async getMany(keys) {
      checkGetMany(keys)
      return reading(() => rows.findMany(keys))
    },
    query: async (query) => rows.page(query),
    write: async (write) => engine.commit(prepare(rows, write)),
    async writeInOrder(writes) {
      const steps = writes.map((write) => prepare(rows, write))
      await engine.commit(() => {
        for (const step of steps) step()
      })
    },
    async transact(writes, options = {}) {
      checkTransact(writes)
      await engine.commit(() => transact(rows, writes, options.token))
    },
    deleteExpired: (limit = 500) => engine.commit(() => rows.deleteExpired(limit)),
  }
}

/** Checks a write outside the transaction and returns the part that runs inside it. A put is serialised only once. */
function prepare(rows: Rows, write: Write): () => Item | undefined {
  if (write.kind !== 'put') {
    checkWrite(write)
    return () => apply(rows, write)
  }
  checkConditions(write.if)
  const doc = documentOf(write.item)
  return () => put(rows, write, doc)
}

function put(rows: Rows, write: Put, doc: string): Item {
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
  if (token !== undefined) rows.putToken(token)
}

const conditionFailed = (failed: readonly number[]) =>
  new StoreError('ConditionFailed', 'a condition failed', { failed })

const asksForAbsence = (conditions: readonly Condition[]) =>
  conditions.every((condition) => 'exists' in condition && !condition.exists)
