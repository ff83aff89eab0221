import { setTimeout as sleep } from 'node:timers/promises'
import type { Rejection, Relay, RelayResult } from '@kabutar/core/ports/relay.ts'
import { RelayError } from '@kabutar/core/ports/relay.ts'
import type { SentMail } from './ses.ts'

/**
 * Stands in for SES after it accepted a mail: delivers it to the next hop, retries temporary refusals, and publishes an
 * event with the outcome. The return path is made of our tags, so that the next hop gets the same envelope as from a relay
 * of ours; SES itself uses one in its MAIL FROM domain.
 */
export type SesHop = {
  readonly nextHop: Relay
  readonly retriesMs: readonly number[]
  /** Publishes Delivery events too; SES may send them hours late. */
  readonly publishesDelivery: boolean
  publish(event: object): Promise<void>
}

export async function deliverToNextHop(hop: SesHop, mail: SentMail): Promise<void> {
  const returnPath = `bounces+${mail.tags.kabutar_id}@kabutar.test`
  let recipients = mail.recipients
  for (const wait of [...hop.retriesMs, undefined]) {
    const rejected = await attempt(hop.nextHop, returnPath, recipients, mail.raw)
    const refused = new Map(rejected.map((rejection) => [rejection.recipient, rejection]))
    const taken = recipients.filter((recipient) => !refused.has(recipient))
    if (hop.publishesDelivery && taken.length > 0) await hop.publish(deliveryEventOf(mail, taken))
    const now = rejected.filter(({ replyCode }) => replyCode >= 500 || wait === undefined)
    for (const rejection of now) await hop.publish(bounceEventOf(mail, rejection))
    recipients = rejected.filter((rejection) => !now.includes(rejection)).map(({ recipient }) => recipient)
    if (recipients.length === 0 || wait === undefined) return
    await sleep(wait)
  }
}

async function attempt(relay: Relay, returnPath: string, recipients: readonly string[], raw: Uint8Array) {
  const refuseAll = (diagnostic: string, replyCode: number): readonly Rejection[] =>
    recipients.map((recipient) => ({ recipient, replyCode, diagnostic }))
  try {
    const result: RelayResult = await relay.send({ returnPath, recipients }, raw, { messageId: '' })
    return result.rejected
  } catch (error) {
    if (!(error instanceof RelayError)) throw error
    return refuseAll(error.message, error.kind === 'permanent' ? (error.replyCode ?? 550) : 451)
  }
}

function mailOf({ id, recipients, tags }: SentMail) {
  const listed = Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, [value]]))
  return { timestamp: new Date().toISOString(), messageId: id, destination: recipients, tags: listed }
}

export function deliveryEventOf(mail: SentMail, recipients: readonly string[]): object {
  const delivery = {
    timestamp: new Date().toISOString(),
    processingTimeMillis: 500,
    recipients,
    smtpResponse: '250 ok',
  }
  return { eventType: 'Delivery', mail: mailOf(mail), delivery }
}

export function bounceEventOf(mail: SentMail, { recipient, replyCode, status, diagnostic }: Rejection): object {
  const permanent = replyCode >= 500
  const reply = diagnostic.startsWith(`${replyCode}`) ? diagnostic : `${replyCode} ${diagnostic}`
  const bounced = {
    emailAddress: recipient,
    action: 'failed',
    status,
    diagnosticCode: `smtp; ${reply}`,
  }
  const bounce = {
    bounceType: permanent ? 'Permanent' : 'Transient',
    bounceSubType: 'General',
    bouncedRecipients: [bounced],
    timestamp: new Date().toISOString(),
    feedbackId: `feedback-${mail.id}`,
  }
  return { eventType: 'Bounce', mail: mailOf(mail), bounce }
}

export function complaintOf(mail: SentMail, recipient: string): object {
  const complaint = {
    complainedRecipients: [{ emailAddress: recipient }],
    timestamp: new Date().toISOString(),
    feedbackId: `feedback-${mail.id}`,
    complaintFeedbackType: 'abuse',
  }
  return { eventType: 'Complaint', mail: mailOf(mail), complaint }
}
