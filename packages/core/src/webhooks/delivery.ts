/** The row of a delivery: one event on its way to one endpoint. It is written before the first attempt is queued. */

import type { Queue } from '../ports/queue.ts'
import type { Item, Json, Key } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { accountOfKey, deliveryDayKey, deliveryKey, endpointOfKey, utcDay } from '../store/keys.ts'
import { type DueWork, dueAt, dueOf } from '../store/outbox.ts'
import { type Result, webhookEntry } from './entry.ts'
import { type EventType, timeOfEvent } from './event.ts'

/** One request that was made. `number` counts from 1, over all replays; `replayed` once somebody had asked for one. */
export type Attempt = Result & { readonly number: number; readonly replayed?: boolean }

/** One event on its way to one endpoint. */
export type WebhookDelivery = {
  readonly endpointId: string
  readonly eventId: string
  readonly messageId: string
  readonly type: EventType
  /** The event happened then. */
  readonly createdAt: Date
  readonly status: 'success' | 'pending' | 'failed'
  /** Attempts made in all; the number of the last one. */
  readonly made: number
  /** Attempts made before the last replay, which began the schedule again. */
  readonly madeBefore: number
  /** The schedule began then (epoch ms). */
  readonly since: number
  /** Time of the next attempt (epoch ms); while pending. */
  readonly nextAt: number
  /** The sweep looks after the row then (epoch ms); absent unless it is pending. */
  readonly dueAt: number
  /** The last ones, oldest first. */
  readonly attempts: readonly Attempt[]
}

/** Rows of deliveries are a log: they own nothing, and expire. */
const KEPT_SECONDS = 30 * 24 * 3600
/** A day outlives the last row that it leads to. */
const DAY_KEPT_SECONDS = KEPT_SECONDS + 2 * 24 * 3600

/** The UTC day of the message that an event speaks of, as `2026-01-31`. */
export const dayOfEvent = (eventId: string): string => utcDay(timeOfEvent(eventId))

/** The key of the delivery of an event, whose id tells the day. */
export function deliveryKeyOf(accountId: string, endpointId: string, eventId: string): Key {
  return deliveryKey(accountId, endpointId, dayOfEvent(eventId), eventId)
}

export function deliveryItem(accountId: string, delivery: WebhookDelivery, now: number): Item {
  const { endpointId, eventId, createdAt, nextAt, dueAt: at, attempts, ...rest } = delivery
  const due = delivery.status === 'pending' && { nextAt, ...dueAt('delivery', accountId, eventId, at) }
  return row('delivery', deliveryKeyOf(accountId, endpointId, eventId), {
    ...rest,
    at: createdAt.getTime(),
    attempts: attempts as unknown as Json,
    ttl: Math.floor(now / 1000) + KEPT_SECONDS,
    ...due,
  })
}

/** @throws {StoreError} `UnknownFormat` */
export function deliveryOf(stored: Item): WebhookDelivery {
  const item = readRow('delivery', stored)
  return {
    endpointId: endpointOfKey(item),
    eventId: item.sk,
    messageId: item.messageId as string,
    type: item.type as EventType,
    createdAt: new Date(item.at as number),
    status: item.status as WebhookDelivery['status'],
    made: item.made as number,
    madeBefore: item.madeBefore as number,
    since: item.since as number,
    nextAt: (item.nextAt as number | undefined) ?? 0,
    dueAt: dueOf(item) ?? 0,
    attempts: item.attempts as unknown as readonly Attempt[],
  }
}

/** Says that an endpoint had events of that day, so that a list need not ask for every day. */
export function deliveryDayItem(accountId: string, endpointId: string, day: string, now: number): Item {
  const ttl = Math.floor(now / 1000) + DAY_KEPT_SECONDS
  return row('delivery-day', deliveryDayKey(accountId, endpointId, day), { ttl })
}

/** The queue entry of the next attempt; `chained` entries of its chain came before it. */
export function nextEntry(accountId: string, delivery: WebhookDelivery, chained = 0): string {
  return webhookEntry({
    account: accountId,
    endpoint: delivery.endpointId,
    message: delivery.messageId,
    event: delivery.eventId,
    attempt: delivery.made + 1,
    ...(chained > 0 && { chained }),
  })
}

/** Queues the next attempt of a delivery that is due. */
export function dueDelivery(queue: Queue): DueWork {
  return { queue, entry: (item) => nextEntry(accountOfKey(item), deliveryOf(item)) }
}
