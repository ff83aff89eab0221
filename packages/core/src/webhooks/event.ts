/**
 * What happened to a message, told to the application. An event is a fact with an identity: it is put if absent, so a
 * crash and a second attempt at the same outcome make the same id and one row, and its payload is frozen in that row.
 * Order: the event row, then the status of what it speaks of, then the webhook queue, then the acknowledgement.
 */
import { createHash } from 'node:crypto'
import { type Attrs, type Item, isConditionFailed, type Json, type Key, type Table } from '../ports/table.ts'
import { dayKey } from '../store/timeline.ts'

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
  /** The message the event speaks of, sent or received; of any other event an id of its own, which tells its time. */
  readonly messageId: string
  /** Empty where the event speaks of the whole message. */
  readonly recipient: string
  readonly createdAt: Date
  /** The wire's `data` object, without secrets or content. */
  readonly data: { readonly [name: string]: Json }
  /** More for us alone, such as a recipient's reply; never part of the webhook. */
  readonly detail?: Attrs
}

/** What makes two sightings of an outcome the same event. `occurrence`: an attempt number, or the relay's event id. */
export type EventIdentity = {
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

const partition = (accountId: string, messageId: string) => `${accountId}#ev#${messageId}`

/** Writes the events that are not there yet. True for each that was new; an older one is left as it is. */
export async function putEvents(table: Table, accountId: string, events: readonly MailEvent[]): Promise<boolean[]> {
  return Promise.all(events.map((event) => putEvent(table, accountId, event)))
}

export function eventItem(accountId: string, event: MailEvent): Item {
  return {
    pk: partition(accountId, event.messageId),
    sk: event.id,
    type: event.type,
    recipient: event.recipient,
    at: event.createdAt.getTime(),
    data: JSON.stringify(event.data),
    ...(event.detail && { detail: event.detail }),
  }
}

async function putEvent(table: Table, accountId: string, event: MailEvent): Promise<boolean> {
  try {
    await table.write({ kind: 'put', item: eventItem(accountId, event), if: [{ exists: false }] })
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
}

/** `email.received` happens to a message once, so the message alone tells its id. */
export function receivedEventId(accountId: string, messageId: string): string {
  return eventId({ accountId, messageId, recipient: '', type: 'email.received', occurrence: '' })
}

/**
 * Where an event is: `email.received` in the row of its message while there is one, any other in a row of its own. Who knows
 * the type says it, since without it a hash tells which of the two.
 */
export function eventKey(accountId: string, messageId: string, id: string, type?: string): Key {
  const received = type === undefined ? id === receivedEventId(accountId, messageId) : type === 'email.received'
  if (received) return dayKey(accountId, 'in', messageId)
  return { pk: partition(accountId, messageId), sk: id }
}

/** The event that lies in the row of a received message, in a row of its own: for when the message is no more. */
export function movedEvent(accountId: string, { sk, type, at, data }: Item, ttl: number): Item {
  const key = { pk: partition(accountId, sk), sk: receivedEventId(accountId, sk) }
  return { ...key, type: type as string, recipient: '', at: at as number, data: data as string, ttl }
}

/** What a webhook needs of an event. `body` is frozen: the same bytes at every attempt and replay. */
export type Telling = Pick<MailEvent, 'id' | 'type' | 'messageId' | 'createdAt'> & { readonly body: string }

export async function getTelling(
  table: Table,
  accountId: string,
  messageId: string,
  id: string,
): Promise<Telling | undefined> {
  const item = await table.get(eventKey(accountId, messageId, id))
  const found = item ?? (await table.get({ pk: partition(accountId, messageId), sk: id }))
  return found && tellingOf(messageId, id, found)
}

/** The text of `data` goes into the body as it lies in the row, so no store and no later version changes a byte of it. */
export function tellingOf(messageId: string, id: string, item: Item): Telling {
  const [type, createdAt] = [item.type as EventType, new Date(item.at as number)]
  return { id, type, messageId, createdAt, body: bodyOf(type, createdAt, item.data as string) }
}

/** All events of a message, at most 1,000, in no order of time. */
export async function eventsOf(table: Table, accountId: string, messageId: string): Promise<readonly MailEvent[]> {
  const page = await table.query({ pk: partition(accountId, messageId), limit: 1000 })
  return page.items.map((item) => eventOf(messageId, item))
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
export function payloadOf(event: MailEvent): string {
  return bodyOf(event.type, event.createdAt, JSON.stringify(event.data))
}

function bodyOf(type: EventType, createdAt: Date, data: string): string {
  return `{"type":"${type}","created_at":"${createdAt.toISOString()}","data":${data}}`
}
