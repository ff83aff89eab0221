/** Conditional writes whose refusal is an expected answer and no error. */
import { type Item, isConditionFailed, type Table, type Write } from '../ports/table.ts'

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

async function held(write: Promise<unknown>): Promise<boolean> {
  try {
    await write
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
}
