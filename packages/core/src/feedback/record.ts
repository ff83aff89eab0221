import { isPending, type Recipient, type SentMessage } from '../messages/message.ts'
import { type Progress, readSent } from '../messages/rows.ts'
import { eventOfMessage } from '../sending/event-data.ts'
import { type RecordPorts, recordOutcomes, Tally } from '../sending/outcomes.ts'
import { diagnosticAfter, type Outcome, raise } from '../sending/status.ts'
import { simulate } from '../sending/without-relay.ts'
import type { MailEvent } from '../webhooks/event.ts'

/** A report on a message after the relay took it. `accountId` and `id` are the tags that the message was sent with. */
export type Feedback = {
  readonly accountId: string
  readonly id: string
  /** The Message-ID that recipients see, with angle brackets. */
  readonly messageId: string
  /** Distinguishes two delays of one recipient; empty for what can happen only once. */
  readonly occurrence: string
  /** Addresses as the relay writes them. */
  readonly outcomes: readonly Outcome[]
}
export type FeedbackPorts = RecordPorts

/**
 * Records what became of recipients after the relay took the message. A status only moves up, in whatever order reports
 * come. A message that is still pending is thereby known to have been taken, also one whose attempt ended ambiguously: it
 * counts as sent and does not go again. Feedback on a message or a recipient that we do not have is dropped.
 */
export async function recordFeedback(ports: FeedbackPorts, feedback: Feedback): Promise<void> {
  const { accountId, id } = feedback
  const message = await readSent(ports.table, accountId, id)
  if (message === undefined) {
    ports.log.info('feedback on a message that is not here', { id })
    return
  }
  const outcomes = ownOutcomes(message, feedback.outcomes)
  if (outcomes.length === 0) return
  const { messageId } = feedback
  const taken = isTaken(message) ? message : { ...message, messageId }
  const tally = new Tally()
  await recordOutcomes({ ...ports, tally }, message, {
    outcomes,
    events: eventsFor(taken, feedback.occurrence, outcomes, new Date(ports.clock.now())),
    // The attempt itself did not record the relay's id.
    ...(messageId !== message.messageId && { sentAs: { messageId, answers: [] } }),
    change: (current) => changeOf(current, taken.messageId, outcomes),
  })
  await tally.write(ports)
}

/** Spells addresses as our row does; the relay may have changed their case. */
function ownOutcomes({ recipients }: SentMessage, outcomes: readonly Outcome[]): readonly Outcome[] {
  const known = new Map(recipients.map(({ address }) => [address.toLowerCase(), address]))
  return outcomes.flatMap((outcome) => {
    const recipient = known.get(outcome.recipient.toLowerCase())
    return recipient === undefined ? [] : [{ ...outcome, recipient }]
  })
}

/** Test addresses are never relayed to, so feedback says nothing about them. */
const isWithRelay = ({ address, pending }: Recipient) => pending && simulate(address) === undefined
const isTaken = ({ recipients }: SentMessage) => !recipients.some(isWithRelay)

/** `email.sent` has the id that the attempt itself gives it: the first of both writes it. */
function eventsFor(
  message: SentMessage,
  occurrence: string,
  outcomes: readonly Outcome[],
  createdAt: Date,
): readonly MailEvent[] {
  const sent = { type: 'email.sent', recipient: '', occurrence: String(message.attempts), createdAt } as const
  return [
    ...(isTaken(message) ? [] : [eventOfMessage(message, sent)]),
    ...outcomes.map((outcome) => {
      const type = outcome.status === 'deferred' ? 'email.delivery_delayed' : (`email.${outcome.status}` as const)
      return eventOfMessage(message, { type, recipient: outcome.recipient, occurrence, createdAt, outcome })
    }),
  ]
}

/** Undefined if the row says so already. */
function changeOf(message: SentMessage, messageId: string, outcomes: readonly Outcome[]): Progress | undefined {
  const recipients = message.recipients.map((recipient) => raised(recipient, outcomes))
  if (recipients.every((recipient, i) => isSame(recipient, message.recipients[i]))) return undefined
  if (isTaken(message)) return { recipients }
  const ended = !isPending({ recipients })
  return { recipients, messageId, ...(ended && { lease: null, due: null }) }
}

function raised(recipient: Recipient, outcomes: readonly Outcome[]): Recipient {
  const withRelay = isWithRelay(recipient)
  const from = withRelay
    ? { address: recipient.address, status: raise(recipient.status, 'sent'), pending: false }
    : recipient
  return outcomes.filter((outcome) => outcome.recipient === recipient.address).reduce(afterFeedback, from)
}

function afterFeedback(recipient: Recipient, outcome: Outcome): Recipient {
  const { address, pending } = recipient
  const status = raise(recipient.status, outcome.status === 'deferred' ? 'delivery_delayed' : outcome.status)
  return { address, status, pending, ...diagnosticAfter(recipient, outcome, status) }
}

const isSame = (a: Recipient, b: Recipient | undefined) => a.status === b?.status && a.pending === b.pending
