import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { Attrs, Table, Update } from '../ports/table.ts'
import { endpointKey } from '../store/keys.ts'
import { writeIf } from '../store/once.ts'
import { type Attempt, dayOfEvent, deliveryDayItem, deliveryItem, nextEntry, type WebhookDelivery } from './delivery.ts'
import type { DispatchPorts } from './dispatch-ports.ts'
import type { Endpoint } from './endpoints.ts'
import { afterAttempt, LONG_WAIT_MS } from './outcome.ts'

/** The row of a nearer attempt is written before the attempt is queued, since its entry might come first. */
const APART_MS = 1000
/** The time of failures alone after which an endpoint is disabled. */
const DISABLE_AFTER_MS = 5 * 24 * 3600_000

/**
 * Writes the outcome of the next attempt of a delivery, unless another process was first, and queues the attempt after it.
 * An attempt that is some time away is queued together with the write, so that both can share a commit: its entry comes
 * when the row is there, and an entry that finds another row than it expects is dropped.
 */
export async function recordAttempt(
  ports: DispatchPorts,
  accountId: string,
  delivery: WebhookDelivery,
  result: Omit<Attempt, 'number'>,
): Promise<void> {
  const now = ports.clock.now()
  const next = afterAttempt(delivery, result, ports, now)
  const waitMs = next.nextAt - now
  const soon = next.status === 'pending' && waitMs < LONG_WAIT_MS
  const together = soon && waitMs >= APART_MS
  const queue = () => queueNext(ports, accountId, next, waitMs)
  const storing = putDelivery(ports, accountId, delivery, next)
  if (together) await Promise.all([storing, queue()])
  if (!(await storing)) return
  if (soon && !together) await queue()
  if (next.status === 'failed') await noteGivenUp(ports, accountId, next)
}

/** Ends a delivery that can't or needn't be tried any more. */
export async function giveUp(ports: DispatchPorts, accountId: string, delivery: WebhookDelivery): Promise<void> {
  await putDelivery(ports, accountId, delivery, { ...delivery, status: 'failed' })
}

/** False if the row is no longer the one that `before` was read from. */
async function putDelivery(
  ports: DispatchPorts,
  accountId: string,
  before: WebhookDelivery,
  next: WebhookDelivery,
): Promise<boolean> {
  await noteDay(ports, accountId, next)
  const isFirst = before.made === 0 && before.dueAt === 0
  return writeIf(ports.table, {
    kind: 'put',
    item: deliveryItem(accountId, next, ports.clock.now()),
    if: isFirst ? [{ exists: false }] : [{ attr: 'made', op: '=', value: before.made }],
  })
}

/** Marks the day as active. It is done before the delivery's row is written, so that a list never misses one. */
async function noteDay(
  { table, clock, caches }: DispatchPorts,
  accountId: string,
  { endpointId, eventId }: WebhookDelivery,
): Promise<void> {
  const item = deliveryDayItem(accountId, endpointId, dayOfEvent(eventId), clock.now())
  await caches.deliveryDays.get(item, async () => {
    await table.write({ kind: 'put', item })
    return 'noted'
  })
}

export type QueuePorts = {
  readonly webhookQueue: Queue
  readonly log: Log
  readonly clock: Clock
  readonly table: Table
}

/** Queues the next attempt. An error is only logged, since the row has `due` and the sweep queues it then. */
export async function queueNext(
  ports: QueuePorts,
  accountId: string,
  delivery: WebhookDelivery,
  delayMs: number,
): Promise<void> {
  try {
    await ports.webhookQueue.send([{ body: nextEntry(accountId, delivery), delayMs }])
  } catch (error) {
    ports.log.warn('a webhook retry is left to the sweep', { event: delivery.eventId, error: error as Error })
  }
}

/** Forgets the failures of an endpoint after a success. Writes nothing if there were none. */
export async function noteSuccess(ports: DispatchPorts, accountId: string, endpoint: Endpoint): Promise<void> {
  if (endpoint.pausedUntil === 0 && endpoint.pauses === 0 && endpoint.failingSince === 0) return
  await setOnEndpoint(ports, accountId, endpoint.id, { pausedUntil: 0, pauses: 0, failingSince: 0 })
}

export async function notePause(
  ports: DispatchPorts,
  accountId: string,
  endpoint: Endpoint,
  pauseMs: number,
): Promise<void> {
  ports.log.warn('a webhook endpoint hangs and is paused', { endpoint: endpoint.id, pauseMs })
  const pausedUntil = ports.clock.now() + pauseMs
  await setOnEndpoint(ports, accountId, endpoint.id, { pausedUntil, pauses: endpoint.pauses + 1 })
}

/** Notes that the schedule of a delivery ran out. Five days of that without a success disable the endpoint. */
async function noteGivenUp(ports: DispatchPorts, accountId: string, delivery: WebhookDelivery): Promise<void> {
  const key = endpointKey(accountId, delivery.endpointId)
  const mark: Update = {
    kind: 'update',
    key,
    set: { failingSince: delivery.since },
    if: [{ attr: 'failingSince', op: '=', value: 0 }],
  }
  const limit = ports.clock.now() - DISABLE_AFTER_MS
  const failing = [
    { attr: 'failingSince', op: '>', value: 0 },
    { attr: 'failingSince', op: '<', value: limit },
  ] as const
  await writeIf(ports.table, mark)
  if (await writeIf(ports.table, { kind: 'update', key, set: { enabled: false }, if: failing })) {
    ports.log.warn('a webhook endpoint is disabled after five days of failures', { endpoint: delivery.endpointId })
  }
}

async function setOnEndpoint(ports: DispatchPorts, accountId: string, id: string, set: Attrs): Promise<void> {
  await writeIf(ports.table, { kind: 'update', key: endpointKey(accountId, id), set, if: [{ exists: true }] })
}
