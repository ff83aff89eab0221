import { createdAtOf, type SentMessage } from '../messages/message.ts'
import type { Attrs, Json } from '../ports/table.ts'
import { type EventType, eventId, type MailEvent } from '../webhooks/event.ts'
import type { Outcome } from './status.ts'

/** The `data` of an `email.*` event on the wire: fields by which the application finds its message, and what happened to it. */
function eventData(
  message: SentMessage,
  { type, outcome, nextAttemptAt }: Happening,
): { readonly [name: string]: Json } {
  return {
    email_id: message.id,
    created_at: createdAtOf(message).toISOString(),
    message_id: message.messageId,
    from: message.from,
    to: message.to,
    subject: message.subject,
    ...(message.tags.length > 0 && { tags: Object.fromEntries(message.tags.map(({ name, value }) => [name, value])) }),
    ...(outcome && about(type, outcome, nextAttemptAt)),
  }
}

/** Something that happened to a message or, with `recipient`, to one of its recipients. eventId explains `occurrence`. */
type Happening = {
  readonly type: EventType
  readonly recipient: string
  readonly occurrence: string
  readonly createdAt: Date
  readonly outcome?: Outcome
  /** A deferred recipient is tried again then, where we are the ones who try. */
  readonly nextAttemptAt?: Date
}

export function eventOfMessage(message: SentMessage, happening: Happening): MailEvent {
  const { type, recipient, occurrence, createdAt, outcome } = happening
  return {
    id: eventId({ accountId: message.accountId, messageId: message.id, recipient, type, occurrence }),
    type,
    messageId: message.id,
    recipient,
    createdAt,
    data: eventData(message, happening),
    detail: { attempt: message.attempts, ...outcome },
  }
}

function about(type: EventType, outcome: Outcome, nextAttemptAt?: Date): Attrs {
  const message = outcome.diagnostic ?? ''
  const diagnosticCode = outcome.diagnostic === undefined ? [] : [outcome.diagnostic]
  if (type === 'email.bounced') {
    const { type: kind, subType } = outcome.bounce ?? { type: 'Permanent', subType: subTypeOf(outcome) }
    return { bounce: { message, type: kind, subType, diagnosticCode } }
  }
  if (type === 'email.delivery_delayed') {
    return {
      delivery_delayed: { reason: message, ...(nextAttemptAt && { next_attempt_at: nextAttemptAt.toISOString() }) },
    }
  }
  if (type === 'email.failed') return { failed: { reason: message } }
  if (type === 'email.suppressed') {
    const reason = outcome.suppression === 'complaint' ? 'previous_complaint' : 'previous_bounce'
    return {
      suppressed: { message, type: 'OnAccountSuppressionList', reason, diagnosticCode },
    }
  }
  return {}
}

/** The bounce subtype of SES for an enhanced status code (RFC 3463 section 3). */
function subTypeOf({ enhanced = '' }: Outcome): string {
  const detail = enhanced.slice(enhanced.indexOf('.') + 1)
  if (['1.1', '1.2', '1.3', '1.10'].includes(detail)) return 'NoEmail'
  if (detail === '2.2') return 'MailboxFull'
  if (detail === '2.3' || detail === '3.4') return 'MessageTooLarge'
  return detail.startsWith('6.') || detail.startsWith('7.') ? 'ContentRejected' : 'General'
}
