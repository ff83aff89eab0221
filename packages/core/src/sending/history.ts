/** Tells what happened to a message, sent or received, in the order of time: for people, from its events and deliveries. */
import { createdAtOf, isPending, type Message, type SentMessage } from '../messages/message.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Table } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { readableRows } from '../store/pages.ts'
import { deliveryKeyOf, deliveryOf, type WebhookDelivery } from '../webhooks/delivery.ts'
import { type Endpoint, listEndpoints } from '../webhooks/endpoints.ts'
import { type EventType, eventsOf, type MailEvent } from '../webhooks/event.ts'
import { readPause } from './pauses.ts'
import type { Outcome } from './status.ts'

type HistoryPorts = { readonly table: Table; readonly caches: Caches; readonly log: Log; readonly clock: Clock }
export type HistoryDelivery = { readonly endpoint: Endpoint; readonly delivery: WebhookDelivery }
/** `accepted` begins each history. `waiting` ends that of a message that has pending recipients. */
export type HistoryItem = {
  readonly type: 'accepted' | 'waiting' | EventType
  /** Undefined where no event says it. */
  readonly eventId?: string
  readonly at: Date
  /** The recipients of whom it speaks. */
  readonly recipients: readonly string[]
  /** The number of the relay attempt. */
  readonly attempt?: number
  /** The next hop that was asked. */
  readonly host?: string
  readonly replyCode?: number
  readonly status?: string
  /** Quotes the next hop, or another server by a report; or tells why it failed here. */
  readonly response?: string
  readonly nextAttemptAt?: Date
  /** Names why a message waits. */
  readonly reason?: string
  readonly deliveries: readonly HistoryDelivery[]
}

const ROWS_AT_ONCE = 100
/** Rows of deliveries that are looked up for one message: those of 20 events at 50 endpoints. */
const MOST_DELIVERIES = 1000

export async function historyOf(ports: HistoryPorts, message: Message): Promise<readonly HistoryItem[]> {
  const { accountId, id } = message
  const events = (await eventsOf(ports.table, accountId, id)).toSorted((a, b) => order(a) - order(b))
  const deliveries = await deliveriesOf(ports, accountId, events)
  const items = events.map((event) => itemOf(message, event, deliveries.get(event.id) ?? []))
  if (message.direction === 'received') return items
  const recipients = message.recipients.map(({ address }) => address)
  const accepted = { type: 'accepted', at: createdAtOf(message), recipients, deliveries: [] } as const
  return [accepted, ...items, ...(await waiting(ports, message))]
}

/** Events of one attempt have one time: that the relay took the message comes first. */
const order = ({ createdAt, type }: MailEvent) => createdAt.getTime() + (type === 'email.sent' ? 0 : 0.5)

function itemOf(message: Message, event: MailEvent, deliveries: readonly HistoryDelivery[]): HistoryItem {
  const { id, type, recipient, createdAt, data, detail = {} } = event
  const outcomes = (detail.outcomes ?? []) as unknown as readonly Outcome[]
  const taken = outcomes.filter(({ status }) => status === 'sent' || status === 'delivered')
  const own = type === 'email.sent' ? taken[0] : (detail as unknown as Partial<Outcome>)
  const response = own?.response ?? own?.diagnostic
  const next = (data.delivery_delayed as { readonly next_attempt_at?: string } | undefined)?.next_attempt_at
  return {
    eventId: id,
    type,
    at: createdAt,
    recipients: recipientsOf(message, recipient, type === 'email.sent' ? taken : []),
    ...(typeof detail.attempt === 'number' && detail.attempt > 0 && { attempt: detail.attempt }),
    ...(own?.host !== undefined && { host: own.host }),
    ...(own?.replyCode !== undefined && { replyCode: own.replyCode }),
    ...(own?.enhanced !== undefined && { status: own.enhanced }),
    ...(response !== undefined && { response }),
    ...(next !== undefined && { nextAttemptAt: new Date(next) }),
    deliveries,
  }
}

function recipientsOf(message: Message, recipient: string, taken: readonly Outcome[]): readonly string[] {
  if (recipient !== '') return [recipient]
  if (message.direction === 'received') return message.envelope.recipients
  return taken.map((outcome) => outcome.recipient)
}

/** Tells what the pending recipients wait for. */
async function waiting({ table, clock }: HistoryPorts, message: SentMessage): Promise<readonly HistoryItem[]> {
  if (!isPending(message)) return []
  const pause = await readPause(table, clock.now(), message.accountId)
  const pending = message.recipients.filter((recipient) => recipient.pending)
  const response = pending.find(({ diagnostic }) => diagnostic !== undefined)?.diagnostic
  return [
    {
      type: 'waiting',
      at: new Date(clock.now()),
      recipients: pending.map(({ address }) => address),
      attempt: message.attempts + (message.lease === undefined ? 1 : 0),
      ...(response !== undefined && { response }),
      ...(message.notBefore > 0 && { nextAttemptAt: new Date(message.notBefore) }),
      ...(pause !== undefined && { reason: pause.reason }),
      deliveries: [],
    },
  ]
}

/** The deliveries of events to the endpoints that are there, by event. */
async function deliveriesOf(
  ports: HistoryPorts,
  accountId: string,
  events: readonly MailEvent[],
): Promise<ReadonlyMap<string, readonly HistoryDelivery[]>> {
  const endpoints = await listEndpoints(ports, accountId)
  const keys = events
    .flatMap(({ id }) => endpoints.map((endpoint) => deliveryKeyOf(accountId, endpoint.id, id)))
    .slice(0, MOST_DELIVERIES)
  const found: WebhookDelivery[] = []
  for (let at = 0; at < keys.length; at += ROWS_AT_ONCE) {
    const rows = await ports.table.getMany(keys.slice(at, at + ROWS_AT_ONCE))
    const { items } = readableRows(
      rows.filter((row) => row !== undefined),
      deliveryOf,
    )
    found.push(...items)
  }
  const shown = found.flatMap((delivery) => {
    const endpoint = endpoints.find(({ id }) => id === delivery.endpointId)
    return endpoint === undefined ? [] : [{ endpoint, delivery }]
  })
  return Map.groupBy(shown, ({ delivery }) => delivery.eventId)
}
