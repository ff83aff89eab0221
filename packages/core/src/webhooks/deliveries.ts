/** Lists and reads the deliveries to an endpoint, and sends them again. */
import { MailError } from '../errors.ts'
import type { Table } from '../ports/table.ts'
import { dayPartition, deliveryDayPrefix, deliveryPartition } from '../store/keys.ts'
import { writeIf } from '../store/once.ts'
import { fillPage, type ListPage, type PageOptions } from '../store/pages.ts'
import { type Timeline, timelineRows } from '../store/timeline.ts'
import { dayOfEvent, deliveryItem, deliveryKeyOf, deliveryOf, type WebhookDelivery } from './delivery.ts'
import { getEndpoint } from './endpoints.ts'
import { isEventId, readPayload, type WebhookPayload } from './event.ts'
import { HEAL_MS } from './outcome.ts'
import { type QueuePorts, queueNext } from './record-attempt.ts'

const timeline = (accountId: string, endpointId: string): Timeline => ({
  daysOf: { kind: 'delivery-day', pk: dayPartition(accountId), prefix: deliveryDayPrefix(endpointId) },
  partition: (day, shard) => deliveryPartition(accountId, endpointId, day, shard),
  dayOf: dayOfEvent,
})

/**
 * A page of deliveries, newest first by the time of the message; `after` is an event id.
 * @throws {MailError} `not_found` for the endpoint, `invalid_parameter` for `after`
 */
export async function listDeliveries(
  table: Table,
  accountId: string,
  endpointId: string,
  options: Omit<PageOptions, 'before'>,
): Promise<ListPage<WebhookDelivery>> {
  await getEndpoint(table, accountId, endpointId)
  const { after } = options
  if (after !== undefined && !isEventId(after))
    throw new MailError('invalid_parameter', 'Invalid `after`: not an event id.')
  return fillPage(options, timelineRows(table, timeline(accountId, endpointId), options), deliveryOf)
}

/** Reads one delivery. @throws {MailError} `not_found`, also before the first attempt has ended */
export async function getDelivery(
  table: Table,
  accountId: string,
  endpointId: string,
  eventId: string,
): Promise<WebhookDelivery> {
  const item = isEventId(eventId) ? await table.get(deliveryKeyOf(accountId, endpointId, eventId)) : undefined
  if (item === undefined) throw new MailError('not_found', 'Webhook event not found')
  return deliveryOf(item)
}

/** Answers a delivery and the payload that it carries. @throws {MailError} `not_found` */
export async function getDeliveryAndPayload(
  table: Table,
  accountId: string,
  endpointId: string,
  eventId: string,
): Promise<{ readonly delivery: WebhookDelivery; readonly payload: WebhookPayload }> {
  const delivery = await getDelivery(table, accountId, endpointId, eventId)
  const payload = await readPayload(table, accountId, delivery.messageId, eventId)
  if (payload === undefined) throw new MailError('not_found', 'Webhook event not found')
  return { delivery, payload }
}

/**
 * Sends an event again now, whether it had arrived or not, with its own id and the whole schedule. The row carries `due`
 * before the entry is queued.
 * @throws {MailError} `not_found`; `conflict` if the endpoint is disabled, or an attempt was recorded at the same time
 */
export async function replay(ports: QueuePorts, accountId: string, endpointId: string, eventId: string): Promise<void> {
  const endpoint = await getEndpoint(ports.table, accountId, endpointId)
  if (!endpoint.enabled) throw new MailError('conflict', 'The webhook is disabled. Enable it first.')
  const { delivery } = await getDeliveryAndPayload(ports.table, accountId, endpointId, eventId)
  const now = ports.clock.now()
  const again: WebhookDelivery = {
    ...delivery,
    status: 'pending',
    madeBefore: delivery.made,
    since: now,
    nextAt: now,
    dueAt: now + HEAL_MS,
  }
  const written = await writeIf(ports.table, {
    kind: 'put',
    item: deliveryItem(accountId, again, now),
    if: [{ attr: 'made', op: '=', value: delivery.made }],
  })
  if (!written) throw new MailError('conflict', 'The event is being sent at this moment.')
  await queueNext(ports, accountId, again, 0)
}
