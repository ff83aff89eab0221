/** The bodies of webhooks, by event type. */
import { EVENT_TYPES } from '@kabutar/core/webhooks/event.ts'
import * as z from 'zod'
import { address, id, time } from './operation.ts'

const addresses = z.array(z.string())
const email = {
  email_id: id,
  created_at: time,
  message_id: z.string(),
  from: address,
  to: addresses,
  subject: z.string(),
  tags: z.record(z.string(), z.string()).optional(),
}
const diagnosticCode = z.array(z.string()).describe('What the other server said.')
const Bounce = z
  .object({
    message: z.string(),
    type: z.enum(['Permanent', 'Transient', 'Undetermined']),
    subType: z.string(),
    diagnosticCode,
  })
  .meta({ id: 'Bounce' })
const Suppressed = z
  .object({
    message: z.string(),
    type: z.literal('OnAccountSuppressionList'),
    reason: z.enum(['previous_bounce', 'previous_complaint']),
    diagnosticCode,
  })
  .meta({ id: 'SuppressedReason' })
const cutLists = z
  .array(z.string())
  .describe('Lists that are cut here because they are too long: `to`, `attachments`; the message itself has more.')
const received = z.object({
  email_id: id,
  created_at: time,
  from: z.string(),
  to: addresses,
  cc: addresses,
  bcc: addresses,
  received_for: addresses.describe('The recipients of the envelope.'),
  message_id: z.string(),
  subject: z.string(),
  truncated: cutLists.optional(),
  attachments: z.array(
    z.object({
      id,
      filename: z.string().nullable(),
      content_type: z.string(),
      content_disposition: z.string().nullable(),
      content_id: z.string().nullable(),
    }),
  ),
})
const domain = z.object({
  id,
  name: z.string(),
  status: z.string(),
  created_at: time,
  region: z.string(),
  records: z.array(
    z.object({
      record: z.enum(['DKIM', 'SPF', 'Receiving MX']),
      name: z.string(),
      type: z.string(),
      value: z.string(),
      ttl: z.string(),
      status: z.string(),
      priority: z.int().optional(),
    }),
  ),
})

const DATA: Readonly<Record<(typeof EVENT_TYPES)[number], z.ZodType>> = {
  'email.sent': z.object(email),
  'email.delivered': z.object(email),
  'email.delivery_delayed': z.object({
    ...email,
    delivery_delayed: z.object({
      reason: z.string().describe('What the relay or the other server said.'),
      next_attempt_at: time.optional().describe('Absent where the other side tries again.'),
    }),
  }),
  'email.bounced': z.object({ ...email, bounce: Bounce }),
  'email.complained': z.object(email),
  'email.failed': z.object({ ...email, failed: z.object({ reason: z.string() }) }),
  'email.suppressed': z.object({ ...email, suppressed: Suppressed }),
  'email.received': received,
  'domain.created': domain,
  'domain.updated': domain,
  'domain.deleted': domain,
}

/** `EmailBounced` for `email.bounced`. */
const nameOf = (type: string) => type.replace(/(^|[._])(\w)/g, (_, __, letter: string) => letter.toUpperCase())

export const WEBHOOK_PAYLOADS: ReadonlyMap<string, z.ZodType> = new Map(
  EVENT_TYPES.map((type) => [
    type,
    z
      .object({ type: z.literal(type), created_at: time, data: DATA[type] })
      .meta({ id: `${nameOf(type)}Event`, description: `The body of \`${type}\`.` }),
  ]),
)
