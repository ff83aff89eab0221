/** The entries of the send queue, and how the message of one waits. */
import * as z from 'zod'
import { isPending } from '../messages/message.ts'
import { readSent, sentOf, writeProgress } from '../messages/rows.ts'
import type { Clock } from '../ports/clock.ts'
import type { Queue } from '../ports/queue.ts'
import { isConditionFailed, type Table } from '../ports/table.ts'
import type { DueWork } from '../store/outbox.ts'
import type { Pause } from './pauses.ts'

const Entry = z.object({
  v: z.literal(1),
  kind: z.literal('send'),
  accountId: z.string(),
  id: z.string(),
  attempt: z.number(),
})
/** Asks for one attempt; `attempt` counts from 1. */
export type SendEntry = { readonly accountId: string; readonly id: string; readonly attempt: number }

/** Messages that waited together are spread over a tenth of their wait, at most a minute. */
const SPREAD = 0.1
const MAX_SPREAD_MS = 60_000

export function encodeSendEntry({ accountId, id, attempt }: SendEntry): string {
  return JSON.stringify({ v: 1, kind: 'send', accountId, id, attempt })
}

/** @throws {Error} for any other text: after five receipts it lies whole in the dead-letter queue */
export function parseSendEntry(body: string): SendEntry {
  const { accountId, id, attempt } = Entry.parse(JSON.parse(body))
  return { accountId, id, attempt }
}

/** Queues the next attempt of a message that is due. */
export function dueSend(queue: Queue): DueWork {
  return {
    queue,
    entry: (item) => {
      const { accountId, id, attempts } = sentOf(item)
      return encodeSendEntry({ accountId, id, attempt: attempts + 1 })
    },
  }
}

/**
 * Ends an entry that met a pause: the message waits in its row's `due`, because Lambda stops a chain of queue entries at
 * about 16. False if the message needs a look all the same: it is gone, done, or its attempt was begun.
 */
export async function waitOut(
  ports: { readonly table: Table; readonly clock: Clock; random(): number },
  entry: SendEntry,
  { until }: Pause,
): Promise<boolean> {
  const wait = Math.max(0, until - ports.clock.now())
  const spread = Math.ceil(ports.random() * Math.min(wait * SPREAD, MAX_SPREAD_MS))
  const message = await readSent(ports.table, entry.accountId, entry.id)
  if (message === undefined || !isPending(message) || message.lease !== undefined) return false
  const { due = 0 } = message
  if (due >= until && due <= until + MAX_SPREAD_MS) return true
  try {
    await writeProgress(ports.table, message, { due: until + spread })
  } catch (error) {
    // Another worker has written, and the row is still due.
    if (!isConditionFailed(error)) throw error
  }
  return true
}
