/** Entries of the receive queue that remove something, and how the sweep queues them from rows that are due. */
import * as z from 'zod/mini'
import { UPLOAD_KIND } from '../messages/uploads.ts'
import type { Queue } from '../ports/queue.ts'
import type { DueKind } from '../store/outbox.ts'

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

const dueRemovals = (queue: Queue): DueKind => ({
  queue,
  entry: ({ kind, a, sk }) => JSON.stringify({ v: 1, k: kind, a, id: sk }),
})

/** By the `kind` of the rows. */
export const removalKinds = (queue: Queue): Readonly<Record<string, DueKind>> => ({
  [UPLOAD_KIND]: dueRemovals(queue),
  [RECEIVED_KIND]: dueRemovals(queue),
})
