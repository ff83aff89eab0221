import { isPending, type Lease, type SentMessage } from '../messages/message.ts'
import { readSent, writeProgress } from '../messages/rows.ts'
import { isConditionFailed, type Table } from '../ports/table.ts'

/**
 * The owner of leases. An `exclusive` owner is the only one on its table, so that a lease of any other owner belongs to a
 * process that has ended, and a restart need not wait for it.
 */
export type Worker = { readonly id: string; readonly exclusive: boolean }

const BASE_LEASE_MS = 50_000
const SLOWEST_BYTES_PER_MS = 50
/** The sweep looks at a leased message this long after the lease ends. */
const DUE_AFTER_LEASE_MS = 60_000
const MAX_TRIES = 5
/** An entry that comes a little early is not worth another round. */
const EARLY_MS = 1000

/** `takenOver`: an attempt was begun under an earlier lease, and how it ended is unknown. */
type Leased = { readonly message: SentMessage; readonly takenOver: boolean }
/** `done`: no recipient is pending. `held`: another worker has it. `waiting`: its time has not come. Its row is due in both cases. */
type NotLeased = 'missing' | 'done' | 'held' | 'waiting'

/** Long enough for the slowest next hop to take the message. */
export function leaseMs({ size }: Pick<SentMessage, 'size'>): number {
  return BASE_LEASE_MS + Math.ceil(size / SLOWEST_BYTES_PER_MS)
}

/** Takes the message for one attempt, unless it is held, final or not yet due. @throws {StoreError} */
export async function takeLease(
  table: Table,
  accountId: string,
  id: string,
  worker: Worker,
  now: number,
): Promise<Leased | { readonly not: NotLeased }> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const message = await readSent(table, accountId, id)
    if (message === undefined) return { not: 'missing' }
    if (!isPending(message)) return { not: 'done' }
    if (message.lease !== undefined && isLive(message.lease, worker, now)) return { not: 'held' }
    if (message.notBefore > now + EARLY_MS) return { not: 'waiting' }
    try {
      return { message: await writeLease(table, message, worker, now), takenOver: message.lease !== undefined }
    } catch (error) {
      if (!isConditionFailed(error)) throw error
    }
  }
  return { not: 'held' }
}

function isLive(lease: Lease, worker: Worker, now: number): boolean {
  const ownerIsGone = worker.exclusive && lease.owner !== worker.id
  return lease.until > now && !ownerIsGone
}

/** A takeover repeats the attempt that was begun and keeps its number, and so the ids of its events. */
async function writeLease(table: Table, message: SentMessage, worker: Worker, now: number): Promise<SentMessage> {
  const until = now + leaseMs(message)
  const due = until + DUE_AFTER_LEASE_MS
  return writeProgress(table, message, {
    lease: { owner: worker.id, until },
    attempts: message.lease === undefined ? message.attempts + 1 : message.attempts,
    ...((message.due ?? 0) < due && { due }),
  })
}
