/**
 * Reconciliation of inbound mail with S3's own events, for messages whose SES notification never came. The events wait in
 * the reconcile queue for 15 minutes, and nothing polls it. The sweep moves what is due to the receive queue, many objects
 * in one entry, where each object is looked up. Entries are sent before they are deleted: a crash in between sends an
 * object twice, and it is received once.
 */
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Delivery, Queue, Settlement } from '@kabutar/core/ports/queue.ts'
import { parseNotification, type StoredObject } from './notification.ts'

type ReconcilePorts = { readonly reconcileQueue: Queue; readonly receiveQueue: Queue; readonly log: Log }
type Reconciled = {
  readonly objects: number
  /** False if there may be more entries: the signal or the bound ended the run. */
  readonly emptied: boolean
}

const RECEIVE = { max: 10, visibilityMs: 5 * 60_000, waitMs: 0 } as const
/** Receipts of one worker before it sends on what it has. */
const RECEIPTS = 10
const WORKERS = 8
/** A round of all workers moves 800 entries. */
const MAX_ROUNDS = 500
const MAX_OBJECTS = 100
/** Leaves room below the 256 KB of a queue entry. */
const MAX_ENTRY_BYTES = 200_000
const UNREADABLE_RETRY_MS = 60_000

/**
 * Moves at most 400,000 entries from the reconcile queue to the receive queue. An idle queue costs one short poll; eight
 * workers start only after the first ten polls did not empty it. An unreadable entry stays, and moves to the dead-letter
 * queue after its receipts.
 */
export async function reconcile(ports: ReconcilePorts, signal: AbortSignal): Promise<Reconciled> {
  let objects = 0
  for (let round = 0; round < MAX_ROUNDS && !signal.aborted; round++) {
    const workers = Array.from({ length: round === 0 ? 1 : WORKERS }, () => moveSome(ports, signal))
    const moved = await Promise.all(workers)
    objects += moved.reduce((sum, one) => sum + one.objects, 0)
    if (moved.every(({ emptied }) => emptied)) return { objects, emptied: true }
  }
  return { objects, emptied: false }
}

async function moveSome(ports: ReconcilePorts, signal: AbortSignal): Promise<Reconciled> {
  const taken: Delivery[] = []
  let emptied = false
  for (let receipts = 0; receipts < RECEIPTS && !emptied && !signal.aborted; receipts++) {
    const received = await ports.reconcileQueue.receive(RECEIVE)
    emptied = received.length === 0
    taken.push(...received)
  }
  const entries = taken.map((delivery) => ({ delivery, objects: objectsIn(ports.log, delivery) }))
  const objects = entries.flatMap(({ objects = [] }) => objects)
  await ports.receiveQueue.send(eventsOf(objects).map((body) => ({ body })))
  await ports.reconcileQueue.settle(
    entries.map(({ delivery, objects }) => settlementOf(delivery, objects !== undefined)),
  )
  return { objects: objects.length, emptied }
}

function settlementOf(delivery: Delivery, read: boolean): Settlement {
  return read ? { delivery, ok: true } : { delivery, ok: false, retryInMs: UNREADABLE_RETRY_MS }
}

/** Undefined if S3 did not write the entry; S3's test of the queue has no objects. */
function objectsIn(log: Log, { body, attempt }: Delivery): readonly StoredObject[] | undefined {
  try {
    const notification = parseNotification(body)
    if (notification?.kind === 'objects') return notification.objects
    if (notification?.kind === 'nothing') return []
    throw new Error('not an event of S3')
  } catch (error) {
    log.error('an entry of the reconcile queue cannot be read', { attempt, error: error as Error })
    return undefined
  }
}

/** Merges objects into events of S3's form, as few as the size of a queue entry allows. */
function eventsOf(objects: readonly StoredObject[]): readonly string[] {
  const bodies: string[] = []
  let records: string[] = []
  let bytes = 0
  const close = () => {
    if (records.length > 0) bodies.push(`{"Records":[${records.join()}]}`)
    records = []
    bytes = 0
  }
  for (const record of objects.map(recordOf)) {
    if (records.length === MAX_OBJECTS || bytes + record.length > MAX_ENTRY_BYTES) close()
    records.push(record)
    bytes += record.length
  }
  close()
  return bodies
}

/** ASCII only, because the key is percent-encoded as S3 writes it; so its length is its bytes. */
function recordOf({ key, storedAt }: StoredObject): string {
  return JSON.stringify({
    eventTime: new Date(storedAt).toISOString(),
    s3: { object: { key: encodeURIComponent(key) } },
  })
}
