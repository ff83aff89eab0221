import * as z from 'zod/mini'
import { messageOf } from '../messages/message.ts'
import type { Queue } from '../ports/queue.ts'
import type { DueWork } from '../store/outbox.ts'

const SendEntry = z.object({
  v: z.literal(1),
  a: z.string(),
  id: z.string(),
  n: z.number(),
  b: z.optional(z.number()),
})
export type SendEntry = {
  readonly accountId: string
  readonly id: string
  readonly attempt: number
  /** The message's `contentBytes`, in its first entry. */
  readonly contentBytes?: number
}

/** An entry of the send queue: which message, and the number of the attempt that it asks for. */
export function sendEntry(accountId: string, id: string, attempt: number, contentBytes?: number): string {
  return JSON.stringify({ v: 1, a: accountId, id, n: attempt, b: contentBytes })
}

/** @throws {Error} for what sendEntry did not make: after five receipts it lies in the dead-letter queue, whole */
export function parseSendEntry(body: string): SendEntry {
  const { a, id, n, b } = SendEntry.parse(JSON.parse(body))
  return { accountId: a, id, attempt: n, ...(b !== undefined && { contentBytes: b }) }
}

/** How the sweep queues a message row that is due. */
export function dueSend(queue: Queue): DueWork {
  return {
    queue,
    entry: (item) => {
      const message = messageOf(item)
      return sendEntry(message.accountId, message.id, message.attempts + 1)
    },
  }
}
