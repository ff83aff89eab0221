import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import { isConditionFailed, type Key, type Table } from '../ports/table.ts'
import { queueNext } from './record.ts'
import { dueAttrs, type Hook, hookOf, partsOfHookKey } from './rows.ts'

export type DuePorts = {
  readonly table: Table
  readonly webhookQueue: Queue
  readonly clock: Clock
  readonly log: Log
}

const BACKOFF_MS = [2, 4, 8, 15].map((minutes) => minutes * 60_000)
/** The sweep looks so far ahead; the queue holds the rest of the wait. */
const AHEAD_MS = 60_000

/**
 * For the sweep: queues the next attempt of a delivery whose `due` has come, at its exact time, and moves `due` on by
 * 2, 4, 8, then 15 minutes, so that a queue which is behind is not filled again and again. Rows that are not due (the
 * index is late) are left alone.
 */
export async function retryDue(ports: DuePorts, key: Key): Promise<void> {
  const item = await ports.table.get(key)
  const now = ports.clock.now()
  if (item?.kind !== 'hook' || item.gs1sk === undefined) return
  const hook = hookOf(item)
  if (hook.dueAt > now + AHEAD_MS) return
  const { accountId } = partsOfHookKey(key)
  await queueNext(ports, accountId, hook, Math.max(0, hook.nextAt - now))
  await moveDue(ports, key, hook, item.gs1sk as string)
}

/** After the entry, not before: a crash between queues it twice, which the attempt number makes harmless. */
async function moveDue(ports: DuePorts, key: Key, hook: Hook, from: string): Promise<void> {
  const later = BACKOFF_MS[Math.min(hook.moves, BACKOFF_MS.length - 1)]!
  const dueAt = Math.max(ports.clock.now(), hook.nextAt) + later
  try {
    await ports.table.write({
      kind: 'update',
      key,
      set: { ...dueAttrs(hook.eventId, dueAt), moves: hook.moves + 1 },
      if: [{ attr: 'gs1sk', op: '=', value: from }],
    })
  } catch (error) {
    if (!isConditionFailed(error)) throw error
  }
}
