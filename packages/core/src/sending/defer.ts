import { isPending, readMessage, writeProgress } from '../messages/message.ts'
import { isConditionFailed } from '../ports/table.ts'
import { type SendEntry, sendEntry } from './entry.ts'
import type { Pause } from './pauses.ts'
import { QUEUE_WAIT_MS } from './record.ts'
import type { SendPorts } from './send-ports.ts'

/** What waited together does not come back together. */
const SPREAD = 0.1
const MAX_SPREAD_MS = 60_000

/**
 * An entry that met a pause waits it out: a short one in the queue, with its own attempt number, a longer one in the
 * row's `due`. False if there is something to be seen to all the same: a message that is gone, done, or was begun.
 */
export async function waitOut(
  ports: Pick<SendPorts, 'table' | 'clock' | 'sendQueue' | 'random'>,
  { accountId, id, attempt }: SendEntry,
  { until }: Pause,
): Promise<boolean> {
  const wait = Math.max(0, until - ports.clock.now())
  const spread = Math.ceil(ports.random() * Math.min(wait * SPREAD, MAX_SPREAD_MS))
  if (wait + spread <= QUEUE_WAIT_MS) {
    await ports.sendQueue.send([{ body: sendEntry(accountId, id, attempt), delayMs: wait + spread }])
    return true
  }
  const message = await readMessage(ports.table, accountId, id)
  if (message === undefined || !isPending(message) || message.lease !== undefined) return false
  if ((message.due ?? 0) >= until) return true
  try {
    await writeProgress(ports.table, message, { due: until + spread })
  } catch (error) {
    // Somebody else is at it, and the row has its `due`.
    if (!isConditionFailed(error)) throw error
  }
  return true
}
