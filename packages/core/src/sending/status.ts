import { RECIPIENT_STATUSES, type Recipient, type RecipientStatus } from '../messages/message.ts'
import type { Origin } from '../suppressions/suppressions.ts'

/** The outcome for one recipient. `deferred`: the next hop refused for now. */
export type OutcomeStatus = 'sent' | 'delivered' | 'deferred' | 'bounced' | 'failed' | 'suppressed' | 'complained'
export type Outcome = {
  readonly recipient: string
  readonly status: OutcomeStatus
  readonly replyCode?: number
  /** Enhanced status code (RFC 3463). */
  readonly enhanced?: string
  readonly diagnostic?: string
  /** The next hop that was asked. */
  readonly host?: string
  /** Quotes its reply when it accepted the message; a refusal is in `diagnostic`. */
  readonly response?: string
  /** The bounce type and subtype of SES, if SES reported the bounce. */
  readonly bounce?: { readonly type: BounceType; readonly subType: string }
  /** Set if the recipients were accepted and then the message was not. */
  readonly refused?: 'message'
  /** Names why the address is on our suppression list. */
  readonly suppression?: Origin
}
type BounceType = 'Permanent' | 'Transient' | 'Undetermined'

const OVERRIDING: readonly RecipientStatus[] = ['failed', 'bounced', 'suppressed', 'complained']
const rank = (status: RecipientStatus) => RECIPIENT_STATUSES.indexOf(status)

/** Moves a status up only: an event that comes late or twice changes nothing. */
export function raise(from: RecipientStatus, to: RecipientStatus): RecipientStatus {
  return rank(to) > rank(from) ? to : from
}

/** The recipient after an outcome. Only a deferral leaves it pending. */
export function afterOutcome(recipient: Recipient, outcome: Outcome): Recipient {
  const deferred = outcome.status === 'deferred'
  const raised = raise(recipient.status, deferred ? 'delivery_delayed' : outcome.status)
  const status = afterDeferral(recipient, outcome) ?? raised
  return { address: recipient.address, status, pending: deferred, ...diagnosticAfter(recipient, outcome, status) }
}

/** The row of a message keeps these fields of an outcome; its events have more. */
export const MAX_ROW_DIAGNOSTIC = 200

/** The reason of the status after an outcome: a late outcome that does not change the status does not change its reason either. */
export function diagnosticAfter(
  { status: before, pending, diagnostic }: Recipient,
  outcome: Outcome,
  after: RecipientStatus,
): { readonly diagnostic?: string } {
  const decides = pending || outcome.status === 'deferred' || after !== before
  const reason = decides ? outcome.diagnostic : diagnostic
  return reason === undefined ? {} : { diagnostic: reason.slice(0, MAX_ROW_DIAGNOSTIC) }
}

/** A deferred recipient that is then accepted is `sent`, since `delivery_delayed` was about our own waiting. */
function afterDeferral({ pending, status }: Recipient, outcome: Outcome): RecipientStatus | undefined {
  return pending && status === 'delivery_delayed' && outcome.status === 'sent' ? 'sent' : undefined
}

/** The `last_event` of the wire: the worst terminal status, else the highest. */
export function lastEvent(recipients: readonly Recipient[]): RecipientStatus {
  const statuses = recipients.map((recipient) => recipient.status)
  const terminal = statuses.filter((status) => OVERRIDING.includes(status))
  const among = terminal.length > 0 ? terminal : statuses
  return among.reduce(raise, 'queued')
}
