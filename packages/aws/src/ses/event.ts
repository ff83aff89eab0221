import type { Outcome } from '@kabutar/core/sending/status.ts'
import * as z from 'zod/mini'

/**
 * What a relay says about a message after it took it. `id` and `accountId` are the tags that the message was sent with.
 * `occurrence` tells two delays of one recipient apart; what can happen only once has none.
 */
export type Feedback = {
  readonly accountId: string
  readonly id: string
  /** The relay's own id of the message. */
  readonly relayId: string
  readonly occurrence: string
  /** `recipient` as the relay writes it. */
  readonly outcomes: readonly Outcome[]
}

const Recipient = z.object({
  emailAddress: z.string(),
  status: z.optional(z.string()),
  diagnosticCode: z.optional(z.string()),
})
const Mail = z.object({
  messageId: z.string(),
  destination: z._default(z.array(z.string()), []),
  tags: z._default(z.record(z.string(), z.array(z.string())), {}),
})
const Bounce = z.object({
  bounceType: z.enum(['Undetermined', 'Permanent', 'Transient']),
  bounceSubType: z.string(),
  bouncedRecipients: z.array(Recipient),
})
const SesEvent = z.discriminatedUnion('eventType', [
  z.object({ eventType: z.literal('Delivery'), mail: Mail, delivery: z.object({ recipients: z.array(z.string()) }) }),
  z.object({ eventType: z.literal('Bounce'), mail: Mail, bounce: Bounce }),
  z.object({
    eventType: z.literal('Complaint'),
    mail: Mail,
    complaint: z.object({ complainedRecipients: z.array(Recipient) }),
  }),
  z.object({
    eventType: z.literal('DeliveryDelay'),
    mail: Mail,
    deliveryDelay: z.object({ timestamp: z.string(), delayedRecipients: z.array(Recipient) }),
  }),
  z.object({ eventType: z.literal('Reject'), mail: Mail, reject: z.object({ reason: z.string() }) }),
])
type SesEvent = z.infer<typeof SesEvent>

const KNOWN = new Set<unknown>(['Delivery', 'Bounce', 'Complaint', 'DeliveryDelay', 'Reject'])
/** What SES publishes once, when the topic is set. */
const TOPIC_TEST = /^Successfully validated SNS topic/
const MAX_DIAGNOSTIC = 500
/** SES did not try: the address is on a list of its own. */
const SUPPRESSED = new Set(['Suppressed', 'OnAccountSuppressionList'])

/**
 * An event of a configuration set, as SNS passes it on raw. Undefined for what says nothing of a message of ours: other
 * types, mail without our tags, and the text with which SES tries the topic.
 * @throws {Error} for what SES does not send: it ends in the dead-letter queue, whole
 */
export function parseSesEvent(body: string): Feedback | undefined {
  if (TOPIC_TEST.test(body)) return undefined
  const json: unknown = JSON.parse(body)
  if (!KNOWN.has((json as { eventType?: unknown } | null)?.eventType)) return undefined
  const event = SesEvent.parse(json)
  const { messageId: relayId, tags } = event.mail
  const [accountId, id] = [tags.kabutar_account?.[0], tags.kabutar_id?.[0]]
  if (accountId === undefined || id === undefined) return undefined
  const occurrence = event.eventType === 'DeliveryDelay' ? event.deliveryDelay.timestamp : ''
  return { accountId, id, relayId, occurrence, outcomes: outcomesOf(event) }
}

function outcomesOf(event: SesEvent): readonly Outcome[] {
  if (event.eventType === 'Delivery')
    return event.delivery.recipients.map((recipient) => ({ recipient, status: 'delivered' }))
  if (event.eventType === 'Bounce')
    return event.bounce.bouncedRecipients.map((recipient) => bounced(recipient, event.bounce))
  if (event.eventType === 'Complaint')
    return event.complaint.complainedRecipients.map((recipient) => about(recipient, 'complained'))
  if (event.eventType === 'DeliveryDelay')
    return event.deliveryDelay.delayedRecipients.map((recipient) => about(recipient, 'deferred'))
  const diagnostic = `SES refused the message: ${event.reject.reason}`.slice(0, MAX_DIAGNOSTIC)
  return event.mail.destination.map((recipient) => ({ recipient, status: 'failed', diagnostic }))
}

function bounced(recipient: z.infer<typeof Recipient>, { bounceType, bounceSubType }: z.infer<typeof Bounce>): Outcome {
  if (SUPPRESSED.has(bounceSubType)) return about(recipient, 'suppressed')
  return { ...about(recipient, 'bounced'), bounce: { type: bounceType, subType: bounceSubType } }
}

function about({ emailAddress, status, diagnosticCode }: z.infer<typeof Recipient>, as: Outcome['status']): Outcome {
  const replyCode = /\b([45]\d\d)[ -]/.exec(diagnosticCode ?? '')?.[1]
  return {
    recipient: emailAddress,
    status: as,
    ...(replyCode !== undefined && { replyCode: Number(replyCode) }),
    ...(status !== undefined && { enhanced: status }),
    ...(diagnosticCode !== undefined && { diagnostic: diagnosticCode.slice(0, MAX_DIAGNOSTIC) }),
  }
}
