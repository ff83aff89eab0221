import { RECIPIENT_STATUSES, type Recipient, type RecipientStatus } from '../messages/message.ts'
import type { Origin } from '../suppressions/suppressions.ts'

/** What became of one recipient in one attempt. `deferred`: the next hop asks us to come again. */
export type OutcomeStatus = 'sent' | 'delivered' | 'deferred' | 'bounced' | 'failed' | 'suppressed' | 'complained'
export type Outcome = {
  readonly recipient: string
  readonly status: OutcomeStatus
  readonly replyCode?: number
  /** Enhanced status code (RFC 3463). */
  readonly enhanced?: string
  readonly diagnostic?: string
  /** SES's words for a bounce, where it is the one who says so. */
  readonly bounce?: { readonly type: BounceType; readonly subType: string }
  /** The recipients were taken, and then the message was not. */
  readonly refused?: 'message'
  /** Why it is on our suppression list. */
  readonly suppression?: Origin
}
export type BounceType = 'Permanent' | 'Transient' | 'Undetermined'

const OVERRIDING: readonly RecipientStatus[] = ['failed', 'bounced', 'suppressed', 'complained']
const rank = (status: RecipientStatus) => RECIPIENT_STATUSES.indexOf(status)

/** A status only moves up: an event that comes late or twice never takes a recipient back. */
export function raise(from: RecipientStatus, to: RecipientStatus): RecipientStatus {
  return rank(to) > rank(from) ? to : from
}

/** The recipient after an outcome. Only a deferral leaves it pending. */
export function afterOutcome(recipient: Recipient, outcome: Outcome): Recipient {
  const deferred = outcome.status === 'deferred'
  const status = raise(recipient.status, deferred ? 'delivery_delayed' : outcome.status)
  return { address: recipient.address, status: later(recipient, outcome) ?? status, pending: deferred }
}

/** A recipient that was deferred and is then taken counts as sent: `delivery_delayed` spoke of our own waiting. */
function later({ pending, status }: Recipient, outcome: Outcome): RecipientStatus | undefined {
  return pending && status === 'delivery_delayed' && outcome.status === 'sent' ? 'sent' : undefined
}

/** The wire's `last_event`: the worst terminal one, else the highest. */
export function lastEvent(recipients: readonly Recipient[]): RecipientStatus {
  const statuses = recipients.map((recipient) => recipient.status)
  const terminal = statuses.filter((status) => OVERRIDING.includes(status))
  const among = terminal.length > 0 ? terminal : statuses
  return among.reduce(raise, 'queued')
}
