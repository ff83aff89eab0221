import {
  isPending,
  type Message,
  type Progress,
  type Recipient,
  readMessage,
  writeProgress,
} from '../messages/message.ts'
import { keepMessageIds } from '../messages/message-ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import { isConditionFailed } from '../ports/table.ts'
import { countFeedback } from '../sending/count.ts'
import { eventOfMessage } from '../sending/event-data.ts'
import { simulate } from '../sending/simulate.ts'
import { type Outcome, raise } from '../sending/status.ts'
import { suppressAfter } from '../sending/suppressed.ts'
import type { Caches } from '../store/cache.ts'
import { type MailEvent, putEvents } from '../webhooks/event.ts'
import { type NotifyPorts, notify } from '../webhooks/notify.ts'

export type FeedbackPorts = NotifyPorts & {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly caches: Caches
}

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

const MAX_TRIES = 8

/**
 * Records what became of recipients after the relay took the message: events, then the row, then the webhooks, so that
 * a repetition after a crash does the rest and doubles nothing. A status only moves up, in whatever order events come.
 * A message that is still pending is thereby known to have been taken, also one whose attempt ended ambiguously:
 * it counts as sent and does not go again. Feedback on a message or a recipient that we do not have is dropped.
 */
export async function recordFeedback(ports: FeedbackPorts, feedback: Feedback): Promise<void> {
  const { accountId, id } = feedback
  const message = await readMessage(ports.table, accountId, id)
  if (message === undefined) {
    ports.log.info('feedback on a message that is not here', { id })
    return
  }
  const outcomes = ownOutcomes(message, feedback.outcomes)
  if (outcomes.length === 0) return
  const taken = isTaken(message) ? message : { ...message, messageId: feedback.messageId }
  const events = eventsFor(taken, feedback, outcomes, new Date(ports.clock.now()))
  await putEvents(ports.table, accountId, events)
  // The attempt may have ended without its answer, and only feedback tells the Message-ID.
  if (feedback.messageId !== message.messageId) await keepMessageIds(ports.table, message, feedback.messageId, [])
  await suppressAfter(ports, message, outcomes)
  const before = await writeOutcomes(ports, message, taken.messageId, outcomes)
  await notify(ports, accountId, events)
  if (before !== undefined)
    await countFeedback(
      ports,
      accountId,
      outcomes.filter((one) => isNews(before, one)),
    )
}

/** Addresses as our row writes them; the relay may have changed their case. */
function ownOutcomes({ recipients }: Message, outcomes: readonly Outcome[]): readonly Outcome[] {
  const known = new Map(recipients.map(({ address }) => [address.toLowerCase(), address]))
  return outcomes.flatMap((outcome) => {
    const recipient = known.get(outcome.recipient.toLowerCase())
    return recipient === undefined ? [] : [{ ...outcome, recipient }]
  })
}

/** Test addresses are never relayed, so feedback says nothing of them. */
const isRelayed = ({ address, pending }: Recipient) => pending && simulate(address) === undefined
const isTaken = ({ recipients }: Message) => !recipients.some(isRelayed)

/** `email.sent` has the identity that the attempt itself gives it: whoever comes first writes it. */
function eventsFor(message: Message, { occurrence }: Feedback, outcomes: readonly Outcome[], createdAt: Date) {
  const sent = { type: 'email.sent', recipient: '', occurrence: String(message.attempts), createdAt } as const
  return [
    ...(isTaken(message) ? [] : [eventOfMessage(message, sent)]),
    ...outcomes.map((outcome): MailEvent => {
      const type = outcome.status === 'deferred' ? 'email.delivery_delayed' : (`email.${outcome.status}` as const)
      return eventOfMessage(message, { type, recipient: outcome.recipient, occurrence, createdAt, outcome })
    }),
  ]
}

/** The row as it was before, if this changed it. */
async function writeOutcomes(
  ports: FeedbackPorts,
  message: Message,
  messageId: string,
  outcomes: readonly Outcome[],
): Promise<Message | undefined> {
  let current: Message | undefined = message
  for (let tries = 0; current !== undefined && tries < MAX_TRIES; tries++) {
    const change = changeOf(current, messageId, outcomes)
    if (change === undefined) return undefined
    try {
      await writeProgress(ports.table, current, change)
      return current
    } catch (error) {
      if (!isConditionFailed(error)) throw error
      current = await readMessage(ports.table, message.accountId, message.id)
    }
  }
  if (current !== undefined) throw new Error('a message row changed under eight writes in a row')
  return undefined
}

/** What comes twice is counted once. */
const isNews = ({ recipients }: Message, { recipient, status }: Outcome) =>
  recipients.some((one) => one.address === recipient && one.status !== status)

/** Undefined if the row says so already. */
function changeOf(message: Message, messageId: string, outcomes: readonly Outcome[]): Progress | undefined {
  const recipients = message.recipients.map((recipient) => raised(recipient, outcomes))
  if (recipients.every((recipient, i) => isSame(recipient, message.recipients[i]))) return undefined
  if (isTaken(message)) return { recipients }
  const ended = !isPending({ ...message, recipients })
  return { recipients, messageId, ...(ended && { lease: null, due: null }) }
}

function raised(recipient: Recipient, outcomes: readonly Outcome[]): Recipient {
  const relayed = isRelayed(recipient)
  const from = relayed ? raise(recipient.status, 'sent') : recipient.status
  const status = outcomes
    .filter((outcome) => outcome.recipient === recipient.address)
    .map((outcome) => (outcome.status === 'deferred' ? 'delivery_delayed' : outcome.status))
    .reduce(raise, from)
  return { address: recipient.address, status, pending: recipient.pending && !relayed }
}

const isSame = (a: Recipient, b: Recipient | undefined) => a.status === b?.status && a.pending === b.pending
