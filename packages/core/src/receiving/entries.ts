/**
 * The entries of the receive queue: mail to receive, or to read again, deletions to finish, uploads whose time is over, and
 * accounts whose storage is to be summed.
 */
import * as z from 'zod'
import { JOBS, type JobKind, mailboxJobOf } from '../mailboxes/rows.ts'
import { CHECKS, type InboundEnvelope, VERDICTS } from '../messages/message.ts'
import type { Queue } from '../ports/queue.ts'
import { accountOfKey } from '../store/keys.ts'
import { type Box, boxOfKey, idOfAppendedKey } from '../store/mailbox-keys.ts'
import type { DueWork } from '../store/outbox.ts'

const account = z.string().min(1)
const Entry = z.discriminatedUnion('kind', [
  z.object({
    v: z.literal(1),
    kind: z.literal('receive'),
    accountId: account,
    id: z.uuid(),
    envelope: z.object({
      returnPath: z.string(),
      recipients: z.array(z.string()).min(1),
      remoteAddress: z.string(),
      helo: z.string(),
      tls: z.boolean(),
      receivedAt: z.number(),
      reconstructed: z.boolean().optional(),
      verdicts: z.partialRecord(z.enum(CHECKS), z.enum(VERDICTS)).optional(),
    }),
  }),
  z.object({
    v: z.literal(1),
    kind: z.enum(['delete', 'delete_appended', 'expire_upload', 'reread']),
    accountId: account,
    id: z.uuid(),
  }),
  z.object({ v: z.literal(1), kind: z.literal('measure_storage'), accountId: account }),
  z.object({
    v: z.literal(1),
    kind: z.literal('mailbox_job'),
    accountId: account,
    mailboxId: z.uuid(),
    job: z.enum(JOBS),
    subject: z.string().min(1),
  }),
])

export type ReceiveEntry =
  | {
      readonly kind: 'receive'
      readonly accountId: string
      readonly id: string
      readonly envelope: InboundEnvelope
    }
  /** `delete`: finish the deletion of a received message. `expire_upload`: delete an upload. `reread`: read it again. */
  | { readonly kind: 'delete' | 'delete_appended' | 'expire_upload'; readonly accountId: string; readonly id: string }
  | { readonly kind: 'reread'; readonly accountId: string; readonly id: string }
  | { readonly kind: 'measure_storage'; readonly accountId: string }
  | ({ readonly kind: 'mailbox_job'; readonly job: JobKind; readonly subject: string } & Box)

export function encodeReceiveEntry(entry: ReceiveEntry): string {
  return JSON.stringify({ v: 1, ...entry })
}

/** @throws {Error} for any other text: after five receipts it lies whole in the dead-letter queue */
export function parseReceiveEntry(body: string): ReceiveEntry {
  const { v: _, ...entry } = Entry.parse(JSON.parse(body))
  return entry as ReceiveEntry
}

const dueEntry = (queue: Queue, kind: 'delete' | 'expire_upload'): DueWork => ({
  queue,
  entry: (item) => encodeReceiveEntry({ kind, accountId: accountOfKey(item), id: item.sk }),
})

/** Queues the rest of a deletion that was accepted. */
export const dueDeletion = (queue: Queue): DueWork => dueEntry(queue, 'delete')
/** Queues the deletion of an upload whose time is over. */
export const dueUpload = (queue: Queue): DueWork => dueEntry(queue, 'expire_upload')
/** Queues the deletion of an appended message that no mailbox has. */
export const dueAppended = (queue: Queue): DueWork => ({
  queue,
  entry: (item) =>
    encodeReceiveEntry({ kind: 'delete_appended', accountId: accountOfKey(item), id: idOfAppendedKey(item) }),
})
/** Queues a job of a mailbox. */
export const dueMailboxJob = (queue: Queue): DueWork => ({
  queue,
  entry(item) {
    const { job, subject } = mailboxJobOf(item)
    return encodeReceiveEntry({ kind: 'mailbox_job', ...boxOfKey(item), job, subject })
  },
})
/** Queues the hourly sum of what an account stores. */
export const dueMeasure = (queue: Queue): DueWork => ({
  queue,
  entry: (item) => encodeReceiveEntry({ kind: 'measure_storage', accountId: accountOfKey(item) }),
})
