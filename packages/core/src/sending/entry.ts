import * as z from 'zod/mini'
import type { Queue } from '../ports/queue.ts'
import type { DueKind } from '../sweep.ts'
import { messageOf } from './message.ts'

const SendEntry = z.object({ v: z.literal(1), a: z.string(), id: z.string(), n: z.number() })
export type SendEntry = { readonly accountId: string; readonly id: string; readonly attempt: number }

/** An entry of the send queue: which message, and the number of the attempt that it asks for. */
export function sendEntry(accountId: string, id: string, attempt: number): string {
  return JSON.stringify({ v: 1, a: accountId, id, n: attempt })
}

/** @throws {Error} for what sendEntry did not make: after five receipts it lies in the dead-letter queue, whole */
export function parseSendEntry(body: string): SendEntry {
  const { a, id, n } = SendEntry.parse(JSON.parse(body))
  return { accountId: a, id, attempt: n }
}

/** How the sweep queues a message row that is due. */
export function dueSends(queue: Queue): DueKind {
  return {
    queue,
    entry: (item) => {
      const message = messageOf(item)
      return sendEntry(message.accountId, message.id, message.attempts + 1)
    },
  }
}
