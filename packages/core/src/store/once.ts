/** Conditional writes whose refusal is an expected answer and no error, and writes that a busy store is asked for again. */
import type { Clock } from '../ports/clock.ts'
import { type Item, isConditionFailed, StoreError, type Table, type Write } from '../ports/table.ts'

const BUSY_TRIES = 6
const BUSY_WAIT_MS = 100

/** Writes the row unless its key is taken. True if it wrote. @throws {StoreError} everything but `ConditionFailed` */
export function putIfAbsent(table: Table, item: Item): Promise<boolean> {
  return writeIf(table, { kind: 'put', item, if: [{ exists: false }] })
}

/** Writes if the write's own conditions hold. True if it wrote. @throws {StoreError} everything but `ConditionFailed` */
export function writeIf(table: Table, write: Write): Promise<boolean> {
  return held(table.write(write))
}

/** Writes all or nothing. True if it wrote. @throws {StoreError} everything but `ConditionFailed` */
export function transactIf(table: Table, writes: readonly Write[]): Promise<boolean> {
  return held(table.transact(writes))
}

/**
 * Asks a busy store again for up to six seconds: for writes that only this process knows of yet. @throws {StoreError} the
 * last refusal
 */
export async function insist<T>(clock: Pick<Clock, 'sleep'>, write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write()
    } catch (error) {
      const busy = error instanceof StoreError && (error.code === 'Throttled' || error.code === 'Unavailable')
      if (!busy || tries === BUSY_TRIES) throw error
      await clock.sleep(BUSY_WAIT_MS * 2 ** tries)
    }
  }
}

async function held(write: Promise<unknown>): Promise<boolean> {
  try {
    await write
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
}
