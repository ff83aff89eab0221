/** Webhook endpoints and what was sent to them, as rows. The row of a delivery appears with its first outcome. */

import type { Item, Json, Key } from '../ports/table.ts'
import { dueAt, dueOf } from '../store/due.ts'
import { type EventType, timeOfEvent } from './event.ts'

export type Endpoint = {
  readonly id: string
  readonly url: string
  readonly events: readonly EventType[]
  readonly enabled: boolean
  readonly createdAt: Date
  readonly secret: string
  /** Rotated secrets that still sign, newest first; `until` in epoch ms. */
  readonly previous: readonly { readonly secret: string; readonly until: number }[]
  /** Nothing is sent before (epoch ms): its last requests held a connection and failed. 0 if never. */
  readonly pausedUntil: number
  /** Pauses in a row. */
  readonly pauses: number
  /** When the first delivery was given up since the last success (epoch ms). 0 if none. */
  readonly failingSince: number
}

export function endpointKey(accountId: string, id: string): Key {
  return { pk: `${accountId}#webhooks`, sk: id }
}

export function endpointItem(accountId: string, endpoint: Endpoint): Item {
  const { id, createdAt, events, previous, ...rest } = endpoint
  return {
    ...endpointKey(accountId, id),
    ...rest,
    events: [...events],
    previous: [...previous],
    at: createdAt.getTime(),
  }
}

export function endpointOf(item: Item): Endpoint {
  return {
    id: item.sk,
    url: item.url as string,
    events: item.events as readonly EventType[],
    enabled: item.enabled as boolean,
    createdAt: new Date(item.at as number),
    secret: item.secret as string,
    previous: item.previous as unknown as Endpoint['previous'],
    pausedUntil: (item.pausedUntil as number | undefined) ?? 0,
    pauses: (item.pauses as number | undefined) ?? 0,
    failingSince: (item.failingSince as number | undefined) ?? 0,
  }
}

/** One request that was made. `code` is the HTTP status, 0 if there was no answer; then `response` says why. */
export type Attempt = {
  readonly n: number
  readonly code: number
  readonly response: string
  /** Epoch ms. */
  readonly at: number
}

/** One event on its way to one endpoint. */
export type Hook = {
  readonly endpointId: string
  readonly eventId: string
  readonly messageId: string
  readonly type: EventType
  /** When the event happened. */
  readonly createdAt: Date
  readonly status: 'success' | 'pending' | 'failed'
  /** Attempts made in all; the number of the last one. */
  readonly made: number
  /** Attempts made before the schedule began anew by a replay. */
  readonly base: number
  /** When the schedule began (epoch ms). */
  readonly since: number
  /** Epoch ms; while pending. */
  readonly nextAt: number
  /** When the sweep looks (epoch ms); while pending. */
  readonly dueAt: number
  /** The last ones, oldest first. */
  readonly attempts: readonly Attempt[]
}

/** Rows of deliveries are a log: they own nothing, and expire. */
const KEPT_SECONDS = 30 * 24 * 3600

const DAY_MS = 86_400_000
/** Most events are of the same day, and writing a date out costs as much as all else that makes a key. */
let lastDay = { number: 0, text: '1970-01-01' }

/** The UTC day of the message that an event speaks of, as `2026-01-31`. */
export function dayOfEvent(eventId: string): string {
  const number = Math.floor(timeOfEvent(eventId) / DAY_MS)
  if (number !== lastDay.number) lastDay = { number, text: new Date(number * DAY_MS).toISOString().slice(0, 10) }
  return lastDay.text
}

export function isEventId(id: string): boolean {
  return /^msg_[0-9a-f]{32}$/.test(id)
}

export function hookPartition(accountId: string, endpointId: string, day: string): string {
  return `${accountId}#hook#${endpointId}#${day}`
}

export function hookKey(accountId: string, endpointId: string, eventId: string): Key {
  return { pk: hookPartition(accountId, endpointId, dayOfEvent(eventId)), sk: eventId }
}

/** Account and endpoint, which the key of a delivery's row names. */
export function partsOfHookKey(key: Key): { readonly accountId: string; readonly endpointId: string } {
  const [accountId = '', , endpointId = ''] = key.pk.split('#')
  return { accountId, endpointId }
}

export function hookItem(accountId: string, hook: Hook, now: number): Item {
  const { endpointId, eventId, createdAt, nextAt, dueAt: at, attempts, ...rest } = hook
  const due = hook.status === 'pending' && { nextAt, ...dueAt(eventId, at) }
  return {
    ...hookKey(accountId, endpointId, eventId),
    kind: 'hook',
    ...rest,
    at: createdAt.getTime(),
    attempts: attempts as unknown as Json,
    ttl: Math.floor(now / 1000) + KEPT_SECONDS,
    ...due,
  }
}

export function hookOf(item: Item): Hook {
  return {
    endpointId: partsOfHookKey(item).endpointId,
    eventId: item.sk,
    messageId: item.messageId as string,
    type: item.type as EventType,
    createdAt: new Date(item.at as number),
    status: item.status as Hook['status'],
    made: item.made as number,
    base: item.base as number,
    since: item.since as number,
    nextAt: (item.nextAt as number | undefined) ?? 0,
    dueAt: dueOf(item) ?? 0,
    attempts: item.attempts as unknown as readonly Attempt[],
  }
}

/** Says that an endpoint had events of that day, so that a list need not ask for every day. */
export function dayItem(accountId: string, endpointId: string, day: string, now: number): Item {
  const ttl = Math.floor(now / 1000) + KEPT_SECONDS + 2 * 24 * 3600
  return { ...dayKey(accountId, endpointId, day), ttl }
}

export function dayKey(accountId: string, endpointId: string, day: string): Key {
  return { pk: `${accountId}#days`, sk: `hook#${endpointId}#${day}` }
}
