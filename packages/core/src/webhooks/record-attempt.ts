import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { Attrs, Table, Update } from '../ports/table.ts'
import { endpointKey } from '../store/keys.ts'
import { insist, writeIf } from '../store/once.ts'
import { deliveryItem, nextEntry, type WebhookDelivery } from './delivery.ts'
import type { DispatchPorts } from './dispatch-ports.ts'
import type { Endpoint } from './endpoints.ts'
import type { Result } from './entry.ts'
import { afterAttempt } from './outcome.ts'

/** The row of a nearer attempt is written before the attempt is queued, since its entry might come first. */
const APART_MS = 1000
/** The time of failures alone after which an endpoint is disabled. */
const DISABLE_AFTER_MS = 5 * 24 * 3600_000
/** The longest wait beyond the one that was asked for, so that deliveries that waited together come back apart. */
const MIN_SPREAD_MS = 60_000
const MAX_SPREAD_MS = 10 * 60_000

/**
 * Writes the outcome of the next attempt of a delivery, unless another process was first, and queues the attempt after it.
 * An attempt that is some time away is queued together with the write, so that both can share a commit: its entry comes
 * when the row is there, and an entry that finds another row than it expects is dropped. `chained` is that of the entry.
 */
export async function recordAttempt(
  ports: DispatchPorts,
  accountId: string,
  delivery: WebhookDelivery,
  result: Result,
  chained: number,
): Promise<void> {
  const now = ports.clock.now()
  const next = afterAttempt(delivery, result, ports, now, chained)
  const waitMs = next.nextAt - now
  const isQueued = next.status === 'pending' && next.dueAt > next.nextAt
  const together = isQueued && waitMs >= APART_MS
  const queue = () => queueNext(ports, accountId, next, waitMs, chained + 1)
  const storing = putDelivery(ports, accountId, delivery, next)
  if (together) await Promise.all([storing, queue()])
  if (!(await storing)) return
  if (isQueued && !together) await queue()
  if (next.status === 'failed') await noteGivenUp(ports, accountId, next)
}

/** Ends a delivery that can't or needn't be tried any more. */
export async function giveUp(ports: DispatchPorts, accountId: string, delivery: WebhookDelivery): Promise<void> {
  await putDelivery(ports, accountId, delivery, { ...delivery, status: 'failed' })
}

/**
 * Writes into `due` that the next attempt waits, at least for `waitMs`. Deliveries that waited for longer are spread over a
 * longer time, so that a backlog comes back no faster than it is worked off.
 */
export async function waitInRow(
  ports: DispatchPorts,
  accountId: string,
  delivery: WebhookDelivery,
  waitMs: number,
): Promise<void> {
  const now = ports.clock.now()
  const spreadMs = Math.min(MAX_SPREAD_MS, Math.max(MIN_SPREAD_MS, now - delivery.since))
  const nextAt = Math.ceil(now + waitMs + ports.random() * spreadMs)
  await putDelivery(ports, accountId, delivery, { ...delivery, nextAt, dueAt: nextAt })
}

/** False if the row is no longer the one that `before` was read from. Insists, so that no attempt is made twice. */
function putDelivery(
  ports: DispatchPorts,
  accountId: string,
  before: WebhookDelivery,
  next: WebhookDelivery,
): Promise<boolean> {
  const item = deliveryItem(accountId, next, ports.clock.now())
  const unchanged = [
    { attr: 'made', op: '=', value: before.made },
    { attr: 'status', op: '=', value: 'pending' },
  ] as const
  return insist(ports.clock, () => writeIf(ports.table, { kind: 'put', item, if: unchanged }))
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
  chained = 0,
): Promise<void> {
  try {
    await ports.webhookQueue.send([{ body: nextEntry(accountId, delivery, chained), delayMs }])
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
  ports.caches.endpoints.clear()
  if (await writeIf(ports.table, { kind: 'update', key, set: { enabled: false }, if: failing })) {
    ports.log.warn('a webhook endpoint is disabled after five days of failures', { endpoint: delivery.endpointId })
  }
}

/** Other batches of this process see the change at once. */
async function setOnEndpoint(ports: DispatchPorts, accountId: string, id: string, set: Attrs): Promise<void> {
  await writeIf(ports.table, { kind: 'update', key: endpointKey(accountId, id), set, if: [{ exists: true }] })
  ports.caches.endpoints.clear()
}
