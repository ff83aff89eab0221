/** Entries of the receive queue that remove something, and how the sweep queues them from rows that are due. */
import * as z from 'zod/mini'
import { UPLOAD_KIND } from '../messages/uploads.ts'
import type { Queue } from '../ports/queue.ts'
import { accountOfKey } from '../store/keys.ts'
import type { DueWork } from '../store/outbox.ts'

/** `upload`: one whose time is over. `received`: a message whose deletion was begun. */
export type Removal = { readonly kind: 'upload' | 'received'; readonly accountId: string; readonly id: string }

export const RECEIVED_KIND = 'received'
const Entry = z.object({
  v: z.literal(1),
  k: z.enum([UPLOAD_KIND, RECEIVED_KIND]),
  a: z.string().check(z.minLength(1)),
  id: z.uuid(),
})

/** Undefined for entries of another kind. */
export function parseRemoval(body: string): Removal | undefined {
  const entry = body.includes('"k":') ? Entry.safeParse(JSON.parse(body)).data : undefined
  return entry && { kind: entry.k, accountId: entry.a, id: entry.id }
}

const dueRemoval = (queue: Queue, kind: Removal['kind']): DueWork => ({
  queue,
  entry: (item) => JSON.stringify({ v: 1, k: kind, a: accountOfKey(item), id: item.sk }),
})
/** Queues the removal of an upload whose time is over. */
export const dueUpload = (queue: Queue): DueWork => dueRemoval(queue, UPLOAD_KIND)
/** Queues the rest of a deletion that was begun. */
export const dueDeletion = (queue: Queue): DueWork => dueRemoval(queue, RECEIVED_KIND)
