/** Ends an attempt: records its outcomes, and decides when the next attempt is due; the sweep queues it then. */
import { isPending, type Recipient, type SentMessage } from '../messages/message.ts'
import type { Relay } from '../ports/relay.ts'
import type { Attrs } from '../ports/table.ts'
import type { MailEvent } from '../webhooks/event.ts'
import { type Ambiguous, type Ended, failPending } from './attempt.ts'
import { eventOfMessage } from './event-data.ts'
import { type BatchRecordPorts, changeRow, recordOutcomes } from './outcomes.ts'
import { afterOutcome, type Outcome } from './status.ts'
import { withoutAddresses } from './watched-relay.ts'

export type FinishPorts = BatchRecordPorts & {
  readonly relay: Pick<Relay, 'captures'>
  /** Waits between relay attempts, in milliseconds. */
  readonly sendRetries: readonly number[]
  /** Answers a random number in [0, 1). */
  random(): number
}

const AMBIGUOUS_WAIT_MS = 15 * 60_000
/** A tenth either way, so that messages deferred together do not come back together. */
const JITTER = 0.1

/** Records the outcomes of an attempt and releases the message's lease. */
export async function finishAttempt(
  ports: FinishPorts,
  message: SentMessage,
  { outcomes, messageId, answers = [] }: Ended,
): Promise<void> {
  const final = giveUp(ports, message, outcomes)
  const now = ports.clock.now()
  const { waitMs } = final
  await recordOutcomes(ports, message, {
    outcomes: final.outcomes,
    events: attemptEvents(messageId ? { ...message, messageId } : message, final.outcomes, new Date(now), waitMs),
    ...(isTaken(final.outcomes) && { sentAs: { messageId, answers } }),
    change: (current) => {
      if (!isPending(current)) return undefined
      return {
        recipients: applied(current.recipients, final.outcomes),
        ...(messageId && { messageId }),
        ...(ports.relay.captures && { captured: true }),
        lease: null,
        ...(waitMs === undefined ? { due: null } : { notBefore: now + waitMs, due: now + waitMs }),
      }
    },
  })
  logAttempt(ports, message, final.outcomes, waitMs)
}

function logAttempt({ log }: FinishPorts, message: SentMessage, outcomes: readonly Outcome[], waitMs?: number): void {
  const counts = Map.groupBy(outcomes, ({ status }) => status)
  const ended = [...counts].map(([status, all]) => `${all.length} ${status}`).join(', ')
  const { id, attempts: attempt } = message
  log.debug('an attempt ended', { id, attempt, ended, ...(waitMs !== undefined && { retryInMs: waitMs }) })
}

/**
 * Ends an attempt after which it is unknown whether the next hop has the message: waits 15 minutes for feedback, then the
 * message goes again. Outcomes that need no relay are recorded now.
 */
export async function finishAmbiguous(
  ports: FinishPorts,
  message: SentMessage,
  { outcomes: known, diagnostic }: Ambiguous,
): Promise<void> {
  if (message.attempts > ports.sendRetries.length) {
    const unconfirmed = failPending(message, 'The relay never confirmed the message', known)
    return finishAttempt(ports, message, { outcomes: [...known, ...unconfirmed] })
  }
  ports.log.warn('the relay may have taken a message; it goes again in 15 minutes', {
    id: message.id,
    reason: withoutAddresses(diagnostic),
  })
  const now = ports.clock.now()
  const until = now + AMBIGUOUS_WAIT_MS
  await recordOutcomes(ports, message, {
    outcomes: known,
    events: attemptEvents(message, known, new Date(now)),
    change: (current) => {
      if (!isPending(current)) return undefined
      return {
        recipients: explained(applied(current.recipients, known), diagnostic),
        ambiguous: current.ambiguous + 1,
        lease: null,
        notBefore: until,
        due: until,
      }
    },
  })
}

const explained = (recipients: readonly Recipient[], diagnostic: string) =>
  recipients.map((recipient) => (recipient.pending ? { ...recipient, diagnostic } : recipient))

/** Releases the lease of a message that was not tried; a throttle is a wait and no attempt. */
export async function postpone(ports: FinishPorts, message: SentMessage, waitMs: number): Promise<void> {
  const until = ports.clock.now() + Math.max(0, waitMs)
  await changeRow(ports, message, (current) => {
    if (!isPending(current)) return undefined
    return { attempts: current.attempts - 1, lease: null, notBefore: until, due: until }
  })
}

/** Answers the end of an attempt whose worker died after it had written the attempt's first event. */
export function recordedEnd(message: SentMessage, events: readonly MailEvent[]): Ended | undefined {
  const first = events.find(({ detail }) => detail?.attempt === message.attempts && detail.outcomes !== undefined)
  if (first === undefined) return undefined
  return {
    outcomes: first.detail?.outcomes as unknown as readonly Outcome[],
    ...(first.data.message_id !== message.messageId && { messageId: first.data.message_id as string }),
  }
}

const isTaken = (outcomes: readonly Outcome[]) =>
  outcomes.some(({ status }) => status === 'sent' || status === 'delivered')

/** The first carries all outcomes: a worker that takes the message over completes the record and does not send again. */
function attemptEvents(
  message: SentMessage,
  outcomes: readonly Outcome[],
  createdAt: Date,
  waitMs?: number,
): readonly MailEvent[] {
  const attempt = message.attempts
  const next = waitMs === undefined ? {} : { nextAttemptAt: new Date(createdAt.getTime() + waitMs) }
  const event = (type: MailEvent['type'], recipient: string, occurrence: string, outcome?: Outcome) =>
    eventOfMessage(message, { type, recipient, occurrence, createdAt, ...(outcome && { outcome }), ...next })
  const [first, ...others] = [
    ...(isTaken(outcomes) ? [event('email.sent', '', String(attempt))] : []),
    ...outcomes.flatMap((outcome) => {
      if (outcome.status === 'sent') return []
      if (outcome.status === 'deferred')
        return [event('email.delivery_delayed', outcome.recipient, String(attempt), outcome)]
      return [event(`email.${outcome.status}`, outcome.recipient, '', outcome)]
    }),
  ]
  if (first === undefined) return []
  return [{ ...first, detail: { ...first.detail, outcomes: outcomes as unknown as readonly Attrs[] } }, ...others]
}

function applied(recipients: readonly Recipient[], outcomes: readonly Outcome[]): Recipient[] {
  return recipients.map((recipient) =>
    outcomes.filter((outcome) => outcome.recipient === recipient.address).reduce(afterOutcome, recipient),
  )
}

/** The wait before the next attempt; once the schedule is used up, no wait, and deferred recipients are failed. */
function giveUp(
  ports: FinishPorts,
  message: SentMessage,
  outcomes: readonly Outcome[],
): { readonly outcomes: readonly Outcome[]; readonly waitMs?: number } {
  const decided = new Set(outcomes.map((outcome) => outcome.recipient))
  const left = message.recipients.some(({ address, pending }) => pending && !decided.has(address))
  if (!left && !outcomes.some((outcome) => outcome.status === 'deferred')) return { outcomes }
  const waitMs = retryDelay(ports.sendRetries, message.attempts, ports.random())
  if (waitMs !== undefined) return { outcomes, waitMs }
  return {
    outcomes: outcomes.map((outcome) => (outcome.status === 'deferred' ? { ...outcome, status: 'failed' } : outcome)),
  }
}

/**
 * Milliseconds until the attempt after `attempts` failed ones; undefined when the schedule is used up. `random` in [0, 1).
 */
export function retryDelay(schedule: readonly number[], attempts: number, random: number): number | undefined {
  const base = schedule[attempts - 1]
  return base === undefined ? undefined : Math.round(base * (1 - JITTER + 2 * JITTER * random))
}
