/** Parses the events of an SES configuration set, which SNS delivers raw. */
import type { Feedback } from '@kabutar/core/feedback/record.ts'
import type { Outcome } from '@kabutar/core/sending/status.ts'
import * as z from 'zod'
import { isTopicTest } from './notification.ts'
import { sesMessageId } from './relay.ts'

const Recipient = z.object({
  emailAddress: z.string(),
  status: z.string().optional(),
  diagnosticCode: z.string().optional(),
})
const Mail = z.object({
  messageId: z.string(),
  destination: z.array(z.string()).default([]),
  tags: z.record(z.string(), z.array(z.string())).default({}),
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
const MAX_DIAGNOSTIC = 500
/** Bounce subtypes of mail that SES did not send, because the address is on a suppression list of SES. */
const SUPPRESSED = new Set(['Suppressed', 'OnAccountSuppressionList'])

/**
 * Returns what an event says about a message of ours. Undefined for other event types, for mail without our tags, and for
 * the text that SES publishes once to test the topic.
 * @throws {Error} if SES does not send such a body
 */
export function parseSesEvent(body: string, region: string): Feedback | undefined {
  if (isTopicTest(body)) return undefined
  const json: unknown = JSON.parse(body)
  if (!KNOWN.has((json as { eventType?: unknown } | null)?.eventType)) return undefined
  const event = SesEvent.parse(json)
  const { messageId: relayId, tags } = event.mail
  const [accountId, id] = [tags.kabutar_account?.[0], tags.kabutar_id?.[0]]
  if (accountId === undefined || id === undefined) return undefined
  const occurrence = event.eventType === 'DeliveryDelay' ? event.deliveryDelay.timestamp : ''
  return { accountId, id, messageId: sesMessageId(relayId, region), occurrence, outcomes: outcomesOf(event) }
}

function outcomesOf(event: SesEvent): readonly Outcome[] {
  if (event.eventType === 'Delivery')
    return event.delivery.recipients.map((recipient) => ({ recipient, status: 'delivered' }))
  if (event.eventType === 'Bounce')
    return event.bounce.bouncedRecipients.map((recipient) => bounced(recipient, event.bounce))
  if (event.eventType === 'Complaint')
    return event.complaint.complainedRecipients.map((recipient) => outcomeOf(recipient, 'complained'))
  if (event.eventType === 'DeliveryDelay')
    return event.deliveryDelay.delayedRecipients.map((recipient) => outcomeOf(recipient, 'deferred'))
  const diagnostic = `SES refused the message: ${event.reject.reason}`.slice(0, MAX_DIAGNOSTIC)
  return event.mail.destination.map((recipient) => ({ recipient, status: 'failed', diagnostic }))
}

function bounced(recipient: z.infer<typeof Recipient>, { bounceType, bounceSubType }: z.infer<typeof Bounce>): Outcome {
  if (SUPPRESSED.has(bounceSubType)) return outcomeOf(recipient, 'suppressed')
  return { ...outcomeOf(recipient, 'bounced'), bounce: { type: bounceType, subType: bounceSubType } }
}

function outcomeOf(
  { emailAddress, status: enhanced, diagnosticCode }: z.infer<typeof Recipient>,
  status: Outcome['status'],
): Outcome {
  const replyCode = /\b([45]\d\d)[ -]/.exec(diagnosticCode ?? '')?.[1]
  return {
    recipient: emailAddress,
    status,
    ...(replyCode !== undefined && { replyCode: Number(replyCode) }),
    ...(enhanced !== undefined && { enhanced }),
    ...(diagnosticCode !== undefined && { diagnostic: diagnosticCode.slice(0, MAX_DIAGNOSTIC) }),
  }
}
