/**
 * S3's own events of inbound mail. They wait in a queue of their own until SES's notification should long have come;
 * nobody polls it. The sweep passes on what is ripe, many objects in one entry, to the receive queue, where each is
 * asked for. Sent before removed: a crash in between passes on twice, and what is asked for twice is received once.
 */
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Delivery, Queue, Settlement } from '@kabutar/core/ports/queue.ts'
import { parseAwsEntry, type Stored } from './receipt.ts'

export type LostPorts = { readonly lostQueue: Queue; readonly receiveQueue: Queue; readonly log: Log }
export type PassedOn = {
  readonly objects: number
  /** False if there may be more: the signal came first, or the bound. */
  readonly emptied: boolean
}

const RECEIVE = { max: 10, visibilityMs: 5 * 60_000, waitMs: 0 } as const
/** Receipts of one lane before it passes on what it has. */
const RECEIPTS = 10
const LANES = 8
/** 800 entries each. */
const MAX_WAVES = 500
const MAX_OBJECTS = 100
/** Leaves room below the 256 KB of a queue. */
const MAX_ENTRY_BYTES = 200_000
const UNREADABLE_AGAIN_MS = 60_000

/**
 * Empties the queue of lost mail, at most 400,000 entries, and stops when the signal says so. An idle queue costs one
 * short poll; only one that does not run dry in ten is emptied by eight lanes. An entry that cannot be read stays, and
 * goes to the dead letters after its receipts.
 */
export async function passOnLost(ports: LostPorts, signal: AbortSignal): Promise<PassedOn> {
  let objects = 0
  for (let wave = 0; wave < MAX_WAVES && !signal.aborted; wave++) {
    const lanes = await Promise.all(Array.from({ length: wave === 0 ? 1 : LANES }, () => passOnSome(ports, signal)))
    objects += lanes.reduce((sum, lane) => sum + lane.objects, 0)
    if (lanes.every(({ emptied }) => emptied)) return { objects, emptied: true }
  }
  return { objects, emptied: false }
}

async function passOnSome(ports: LostPorts, signal: AbortSignal): Promise<PassedOn> {
  const taken: Delivery[] = []
  let emptied = false
  for (let receipts = 0; receipts < RECEIPTS && !emptied && !signal.aborted; receipts++) {
    const received = await ports.lostQueue.receive(RECEIVE)
    emptied = received.length === 0
    taken.push(...received)
  }
  const entries = taken.map((delivery) => ({ delivery, stored: storedIn(ports.log, delivery) }))
  const objects = entries.flatMap(({ stored = [] }) => stored)
  await ports.receiveQueue.send(merged(objects).map((body) => ({ body })))
  await ports.lostQueue.settle(entries.map(({ delivery, stored }) => settled(delivery, stored !== undefined)))
  return { objects: objects.length, emptied }
}

function settled(delivery: Delivery, read: boolean): Settlement {
  return read ? { delivery, ok: true } : { delivery, ok: false, retryInMs: UNREADABLE_AGAIN_MS }
}

/** Undefined if S3 did not write it; S3's own test of the queue is an event without an object. */
function storedIn(log: Log, { body, attempt }: Delivery): readonly Stored[] | undefined {
  try {
    const entry = body.startsWith('{') ? parseAwsEntry(body) : undefined
    if (entry !== undefined && 'stored' in entry) return entry.stored
    throw new Error('not an event of S3')
  } catch (error) {
    log.error('an entry of the queue of lost mail cannot be read', { attempt, error: error as Error })
    return undefined
  }
}

/** As S3 would have written one event of all these, in as many entries as they need. */
function merged(objects: readonly Stored[]): readonly string[] {
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

/** ASCII only, so its length is its bytes: the key is percent-encoded, as S3 writes it. */
function recordOf({ key, storedAt }: Stored): string {
  return JSON.stringify({
    eventTime: new Date(storedAt).toISOString(),
    s3: { object: { key: encodeURIComponent(key) } },
  })
}
