import { FIRST_DUE_MS, isPending, type Lease, type Message, readMessage, writeProgress } from '../messages/message.ts'
import { timeOf } from '../ports/ids.ts'
import { isConditionFailed, type Table } from '../ports/table.ts'
import type { SendEntry } from './entry.ts'

/**
 * Who takes leases. An `exclusive` owner is the only one on its table, so that a lease of any other owner belongs to a
 * process that is gone, and a restart need not wait for it.
 */
export type Worker = { readonly id: string; readonly exclusive: boolean }

const BASE_LEASE_MS = 50_000
const SLOWEST_BYTES_PER_MS = 50
/** The sweep looks after a leased message this much later than the lease ends. */
export const DUE_AFTER_LEASE_MS = 60_000
const MAX_TRIES = 5
/** An entry that comes a little early is not worth another round. */
const EARLY_MS = 1000

/** `takenOver`: an attempt was begun under the lease before, and nobody knows how it ended. */
export type Leased = { readonly message: Message; readonly takenOver: boolean }
/** `done`: nothing is left to relay. `waiting`: somebody else is at it, or its time has not come; `due` sees to it. */
export type NotLeased = 'missing' | 'done' | 'waiting'

/** Long enough for the slowest next hop to take the message. */
export function leaseMs({ contentBytes }: Pick<Message, 'contentBytes'>): number {
  return BASE_LEASE_MS + Math.ceil(contentBytes / SLOWEST_BYTES_PER_MS)
}

/**
 * Takes a message that nobody has touched, as its first entry finds it, in one write that answers the row: no read before
 * it. Undefined if the row is another, or gone; or if `due` would have to move, after some seconds in the queue.
 */
export async function takeUnread(
  table: Table,
  { accountId, id, contentBytes }: SendEntry,
  worker: Worker,
  now: number,
): Promise<Leased | undefined> {
  if (contentBytes === undefined) return undefined
  const until = now + leaseMs({ contentBytes })
  if (until + DUE_AFTER_LEASE_MS > timeOf(id) + FIRST_DUE_MS) return undefined
  try {
    const message = await writeProgress(
      table,
      { accountId, id, version: 0 },
      {
        lease: { owner: worker.id, until },
        attempts: 1,
      },
    )
    return { message, takenOver: false }
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    return undefined
  }
}

/** Takes the message for one attempt, unless it is held, final or not yet due. @throws {StoreError} */
export async function takeLease(
  table: Table,
  accountId: string,
  id: string,
  worker: Worker,
  now: number,
): Promise<Leased | { readonly not: NotLeased; readonly message?: Message }> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const message = await readMessage(table, accountId, id)
    if (message === undefined) return { not: 'missing' }
    if (!isPending(message)) return { not: 'done', message }
    const held = message.lease !== undefined && isLive(message.lease, worker, now)
    if (held || message.notBefore > now + EARLY_MS) return { not: 'waiting', message }
    try {
      return { message: await writeLease(table, message, worker, now), takenOver: message.lease !== undefined }
    } catch (error) {
      if (!isConditionFailed(error)) throw error
    }
  }
  return { not: 'waiting' }
}

function isLive(lease: Lease, worker: Worker, now: number): boolean {
  const gone = worker.exclusive && lease.owner !== worker.id
  return lease.until > now && !gone
}

/** A takeover repeats the attempt that was begun; it keeps its number, and so the identity of its events. */
async function writeLease(table: Table, message: Message, worker: Worker, now: number): Promise<Message> {
  const until = now + leaseMs(message)
  const due = until + DUE_AFTER_LEASE_MS
  return writeProgress(table, message, {
    lease: { owner: worker.id, until },
    attempts: message.lease === undefined ? message.attempts + 1 : message.attempts,
    ...((message.due ?? 0) < due && { due }),
  })
}
