/** Writes one step: all of it or nothing, and only if the mailbox is as the step read it. */
import { StoreError } from '../ports/table.ts'
import type { Step } from './step.ts'
import { finishThreads } from './thread-lists.ts'

/** False if another writer was faster. @throws {StoreError} everything but `ConditionFailed` and `Conflict` */
export async function commit(step: Step): Promise<boolean> {
  await finishThreads(step)
  const writes = step.writes()
  if (writes.length === 0) return true
  try {
    await step.table.transact(writes)
    return true
  } catch (error) {
    if (error instanceof StoreError && (error.code === 'ConditionFailed' || error.code === 'Conflict')) return false
    throw error
  }
}
