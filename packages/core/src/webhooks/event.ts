/**
 * An event says what happened to a message or a domain. It has an identity and is put if absent, so a crash and a second
 * attempt at the same outcome make the same id and one row, and its payload is frozen in that row.
 * Order: the event row, then the status of what it speaks of, then the webhook queue, then the acknowledgement.
 */
import { createHash } from 'node:crypto'
import { MIN_EVENT_DAYS } from '../accounts/retention.ts'
import type { Attrs, Item, Json, Key, Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { eventKey, eventPartition } from '../store/keys.ts'
import { putIfAbsent, writeIf } from '../store/once.ts'

/** The event types that are sent today. */
export const EVENT_TYPES = [
  'email.sent',
  'email.delivered',
  'email.delivery_delayed',
  'email.bounced',
  'email.complained',
  'email.failed',
  'email.suppressed',
  'email.received',
  'domain.created',
  'domain.updated',
  'domain.deleted',
] as const
export type EventType = (typeof EVENT_TYPES)[number]

export type MailEvent = {
  /** `msg_` and 32 hex digits; see eventId. */
  readonly id: string
  readonly type: EventType
  /** The message the event speaks of, sent or received. Any other event has an id of its own here, which tells its time. */
  readonly messageId: string
  /** Empty where the event speaks of the whole message. */
  readonly recipient: string
  readonly createdAt: Date
  /** The wire's `data` object, without secrets or content. */
  readonly data: { readonly [name: string]: Json }
  /** Details that are not part of the webhook, such as a recipient's reply. */
  readonly detail?: Attrs
}

/** Two reports with the same identity are the same event. `occurrence`: an attempt number, or the relay's event id. */
type EventIdentity = {
  readonly accountId: string
  readonly messageId: string
  readonly recipient: string
  readonly type: EventType
  readonly occurrence: string
}

/**
 * The same outcome has the same id, wherever and however often it is seen. The first 12 digits are the message's own
 * time, so that an id tells the day its rows are kept under; the other 20 are a hash of the identity.
 */
export function eventId(identity: EventIdentity): string {
  const { accountId, messageId, recipient, type, occurrence } = identity
  const hash = createHash('sha256').update(JSON.stringify([accountId, messageId, recipient, type, occurrence]))
  return `msg_${messageId.slice(0, 8)}${messageId.slice(9, 13)}${hash.digest('hex').slice(0, 20)}`
}

/** Epoch milliseconds of the message that an event id speaks of. */
export function timeOfEvent(id: string): number {
  return Number.parseInt(id.slice(4, 16), 16)
}

const MAX_EVENTS = 1000

/** True if the text has the form of an event id. */
export const isEventId = (id: string): boolean => /^msg_[0-9a-f]{32}$/.test(id)

/** The message that the event of a key speaks of. */
export const subjectOfEventKey = ({ pk }: Key): string => pk.slice(pk.lastIndexOf('#') + 1)

/**
 * Writes the events that are not there yet, and leaves the others as they are. True for each that was new.
 * `ttl` (epoch seconds) is of the new ones.
 */
export async function putEvents(
  table: Table,
  accountId: string,
  events: readonly MailEvent[],
  ttl?: number,
): Promise<boolean[]> {
  const item = (event: MailEvent) => ({ ...eventItem(accountId, event), ...(ttl !== undefined && { ttl }) })
  return Promise.all(events.map((event) => putIfAbsent(table, item(event))))
}

/** An event that comes when those of its message have expired is kept for as long as the least retention. */
export const lateEventTtl = (now: number): number => Math.floor(now / 1000) + MIN_EVENT_DAYS * DAY_SECONDS
const DAY_SECONDS = 86_400

/** Deletes the events of a message that are older than `days`, and sets when the others expire. */
export async function expireEvents(
  table: Table,
  { accountId, id }: { readonly accountId: string; readonly id: string },
  days: number,
  now: number,
): Promise<void> {
  const { items } = await table.query({ pk: eventPartition(accountId, id), limit: MAX_EVENTS })
  for (const item of items) {
    const key = { pk: item.pk, sk: item.sk }
    const ttl = Math.floor((typeof item.at === 'number' ? item.at : now) / 1000) + days * DAY_SECONDS
    if (ttl * 1000 <= now) await table.write({ kind: 'delete', key })
    else await writeIf(table, { kind: 'update', key, set: { ttl }, if: [{ exists: true }] })
  }
}

export function eventItem(accountId: string, event: MailEvent): Item {
  return row('event', eventKey(accountId, event.messageId, event.id), {
    type: event.type,
    recipient: event.recipient,
    at: event.createdAt.getTime(),
    data: JSON.stringify(event.data),
    ...(event.detail && { detail: event.detail }),
  })
}

/** `email.received` happens to a message once, so the message alone tells its id. */
export function receivedEventId(accountId: string, messageId: string): string {
  return eventId({ accountId, messageId, recipient: '', type: 'email.received', occurrence: '' })
}

/** Sets when the event of a deleted message expires (epoch seconds). */
export async function expireEvent(
  table: Table,
  accountId: string,
  messageId: string,
  id: string,
  ttl: number,
): Promise<void> {
  const key = eventKey(accountId, messageId, id)
  await writeIf(table, { kind: 'update', key, set: { ttl }, if: [{ exists: true }] })
}

/** The payload of a webhook. `body` is frozen: it has the same bytes at every attempt and replay. */
export type WebhookPayload = Pick<MailEvent, 'id' | 'type' | 'messageId' | 'createdAt'> & { readonly body: string }

/** @throws {StoreError} */
export async function readPayload(
  table: Table,
  accountId: string,
  messageId: string,
  id: string,
): Promise<WebhookPayload | undefined> {
  const item = await table.get(eventKey(accountId, messageId, id))
  return item && payloadOf(messageId, id, item)
}

/**
 * The payload of the event in a row. The text of `data` goes into the body unparsed, so that no store and no later version
 * changes a byte of it. @throws {StoreError} `UnknownFormat`
 */
export function payloadOf(messageId: string, id: string, stored: Item): WebhookPayload {
  const item = readRow('event', stored)
  const [type, createdAt] = [item.type as EventType, new Date(item.at as number)]
  return { id, type, messageId, createdAt, body: bodyOf(type, createdAt, item.data as string) }
}

/** The events of a message, at most 1,000, in no order of time. @throws {StoreError} */
export async function eventsOf(table: Table, accountId: string, messageId: string): Promise<readonly MailEvent[]> {
  const page = await table.query({ pk: eventPartition(accountId, messageId), limit: MAX_EVENTS })
  return page.items.map((item) => eventOf(messageId, readRow('event', item)))
}

function eventOf(messageId: string, item: Item): MailEvent {
  return {
    id: item.sk,
    type: item.type as EventType,
    messageId,
    recipient: item.recipient as string,
    createdAt: new Date(item.at as number),
    data: JSON.parse(item.data as string) as MailEvent['data'],
    ...(item.detail !== undefined && { detail: item.detail as Attrs }),
  }
}

/** The webhook body of an event. */
export function payloadBody(event: MailEvent): string {
  return bodyOf(event.type, event.createdAt, JSON.stringify(event.data))
}

function bodyOf(type: EventType, createdAt: Date, data: string): string {
  return `{"type":"${type}","created_at":"${createdAt.toISOString()}","data":${data}}`
}
