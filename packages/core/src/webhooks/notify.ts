import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { QUEUE_RULES, type Queue } from '../ports/queue.ts'
import type { Table } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { insist, putIfAbsent } from '../store/once.ts'
import { dayOfEvent, deliveryDayItem, deliveryItem, nextEntry, type WebhookDelivery } from './delivery.ts'
import { type Endpoint, listEndpoints } from './endpoints.ts'
import { type NotifiedEvent, newDelivery } from './outcome.ts'

export type NotifyPorts = {
  readonly table: Table
  readonly log: Log
  readonly webhookQueue: Queue
  readonly clock: Clock
  readonly caches: Caches
  /** Waits before each attempt in ms; the first one is before the first attempt, and at most 15 minutes. */
  readonly webhookRetriesMs: readonly number[]
}

const AT_ONCE = 100

/**
 * Begins the delivery of each event to every enabled endpoint that asked for its type: first the deliveries' rows, which
 * carry `due`, then the queue entries, so that a lost entry loses nothing. The events' rows exist already, and their
 * source may be acknowledged only when this resolves. A caller that comes again queues an event twice, which
 * `dispatchBatch` makes harmless. An endpoint whose row cannot be read gets nothing.
 */
export async function notify(ports: NotifyPorts, accountId: string, events: readonly NotifiedEvent[]): Promise<void> {
  if (events.length === 0) return
  const last = Math.max(...events.map(({ createdAt }) => createdAt.getTime()))
  const endpoints = (await listEndpoints(ports, accountId, last)).filter(({ enabled }) => enabled)
  await deliver(ports, accountId, events, endpoints, (endpoint, { type }) => endpoint.events.includes(type))
}

/** Begins the delivery of each event to each of some endpoints that `wants` it. */
export async function deliver(
  ports: NotifyPorts,
  accountId: string,
  events: readonly NotifiedEvent[],
  endpoints: readonly Endpoint[],
  wants: (endpoint: Endpoint, event: NotifiedEvent) => boolean = () => true,
): Promise<void> {
  const delayMs = Math.min(ports.webhookRetriesMs[0] ?? 0, QUEUE_RULES.maxDelayMs)
  const now = ports.clock.now()
  const deliveries = events.flatMap((event) =>
    endpoints
      .filter((endpoint) => wants(endpoint, event))
      .map((endpoint) => newDelivery(endpoint.id, event, now, delayMs)),
  )
  for (let at = 0; at < deliveries.length; at += AT_ONCE) {
    const some = deliveries.slice(at, at + AT_ONCE)
    await Promise.all(some.map((delivery) => begin(ports, accountId, delivery)))
    await ports.webhookQueue.send(
      some.map((delivery) => ({ body: nextEntry(accountId, delivery), ...(delayMs > 0 && { delayMs }) })),
    )
  }
}

async function begin(ports: NotifyPorts, accountId: string, delivery: WebhookDelivery): Promise<void> {
  await noteDay(ports, accountId, delivery)
  const item = deliveryItem(accountId, delivery, ports.clock.now())
  await insist(ports.clock, () => putIfAbsent(ports.table, item))
}

/** Marks the day as active. It is done before the delivery's row is written, so that a list never misses one. */
async function noteDay(
  { table, clock, caches }: NotifyPorts,
  accountId: string,
  { endpointId, eventId }: WebhookDelivery,
): Promise<void> {
  const item = deliveryDayItem(accountId, endpointId, dayOfEvent(eventId), clock.now())
  await caches.deliveryDays.get(item, async () => {
    await table.write({ kind: 'put', item })
    return 'noted'
  })
}
