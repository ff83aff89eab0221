import { MailError } from '../errors.ts'
import type { Ids } from '../ports/ids.ts'
import type { Json } from '../ports/table.ts'
import { getEndpoint } from './endpoints.ts'
import { EVENT_TYPES, type EventType, eventId, eventItem, type MailEvent } from './event.ts'
import { deliver, type NotifyPorts } from './notify.ts'

/** The rows of a test event are kept as long as deliveries. */
const KEPT_SECONDS = 30 * 24 * 3600

/**
 * Sends an event that speaks of an invented message or domain to one endpoint, whether it asked for the type or not. It is
 * delivered, tried again and replayed as any other; its data says `test`.
 * @throws {MailError} `not_found`; `conflict` if the endpoint is disabled; `invalid_message` for an unknown type
 */
export async function sendTestEvent(
  ports: NotifyPorts & { readonly ids: Ids },
  accountId: string,
  endpointId: string,
  wanted?: string,
): Promise<Pick<MailEvent, 'id' | 'type'>> {
  const endpoint = await getEndpoint(ports.table, accountId, endpointId)
  if (!endpoint.enabled) throw new MailError('conflict', 'The webhook is disabled. Enable it first.')
  const isSent = (type: string | undefined): type is EventType =>
    (EVENT_TYPES as readonly (string | undefined)[]).includes(type)
  const type = wanted ?? endpoint.events.find(isSent) ?? 'email.delivered'
  if (!isSent(type)) {
    throw new MailError('invalid_message', `Invalid \`type\` field: choose from ${EVENT_TYPES.join(', ')}.`)
  }
  const [messageId, createdAt] = [ports.ids.next(), new Date(ports.clock.now())]
  const id = eventId({ accountId, messageId, recipient: '', type, occurrence: 'test' })
  const data = { ...sampleOf(type, messageId, createdAt.toISOString()), test: true }
  const event: MailEvent = { id, type, messageId, recipient: '', createdAt, data }
  const ttl = Math.floor(ports.clock.now() / 1000) + KEPT_SECONDS
  await ports.table.write({ kind: 'put', item: { ...eventItem(accountId, event), ttl } })
  await deliver(ports, accountId, [event], [endpoint])
  return { id, type }
}

type Data = { readonly [name: string]: Json }

const REASON = '450 4.2.0 The mailbox is busy'
const REFUSAL = '550 5.1.1 No such user'
/** Holds the fields that an event of a type has beside those of every `email.*` event. */
const MORE: Partial<Record<EventType, Data>> = {
  'email.delivery_delayed': { delivery_delayed: { reason: REASON } },
  'email.bounced': {
    bounce: { message: REFUSAL, type: 'Permanent', subType: 'NoEmail', diagnosticCode: [REFUSAL] },
  },
  'email.failed': { failed: { reason: REASON } },
  'email.suppressed': {
    suppressed: {
      message: 'The address is on the suppression list',
      type: 'OnAccountSuppressionList',
      reason: 'previous_bounce',
      diagnosticCode: [],
    },
  },
  'email.received': { cc: [], bcc: [], received_for: ['test@example.com'], attachments: [] },
}

function sampleOf(type: EventType, id: string, created_at: string): Data {
  if (type.startsWith('domain.')) {
    return { id, name: 'example.com', status: 'verified', created_at, region: 'us-east-1', records: [] }
  }
  return {
    email_id: id,
    created_at,
    message_id: `<${id}@example.com>`,
    from: 'Test <test@example.com>',
    to: ['test@example.com'],
    subject: 'A test of this webhook',
    ...MORE[type],
  }
}
