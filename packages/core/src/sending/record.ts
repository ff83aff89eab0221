/** What an attempt came to, written in the one order that a crash cannot spoil: events, row, queue. */

import {
  isPending,
  type Message,
  type Progress,
  type Recipient,
  readMessage,
  writeProgress,
} from '../messages/message.ts'
import { keepMessageIds } from '../messages/message-ids.ts'
import { type Attrs, isConditionFailed, StoreError } from '../ports/table.ts'
import { type MailEvent, putEvents } from '../webhooks/event.ts'
import { notify } from '../webhooks/notify.ts'
import type { Ended } from './attempt.ts'
import { countAttempt } from './count.ts'
import { sendEntry } from './entry.ts'
import { eventOfMessage } from './event-data.ts'
import { retryDelay } from './retry.ts'
import type { SendPorts } from './send-ports.ts'
import { afterOutcome, type Outcome } from './status.ts'
import { suppressAfter } from './suppressed.ts'

type RecordPorts = Omit<SendPorts, 'relay' | 'blobs' | 'worker'>

const AMBIGUOUS_WAIT_MS = 15 * 60_000
export const THROTTLED_WAIT_MS = 10_000
/** Longer waits are for the row's `due`. */
export const QUEUE_WAIT_MS = 120_000
const MAX_TRIES = 5
const INSIST_TRIES = 6
const INSIST_WAIT_MS = 100

/** Records the outcomes of the attempt under the message's lease and lets the message go. */
export async function recordOutcomes(
  ports: RecordPorts,
  message: Message,
  { outcomes, messageId, answers = [] }: Ended,
): Promise<void> {
  const final = giveUp(ports, message, outcomes)
  const events = await putAttempt(ports, messageId ? { ...message, messageId } : message, final.outcomes)
  if (isTaken(final.outcomes)) await keepMessageIds(ports.table, message, messageId, answers)
  await suppressAfter(ports, message, final.outcomes)
  const now = ports.clock.now()
  const wait = final.waitMs
  const next = await progress(ports, message, ({ recipients }) => ({
    recipients: applied(recipients, final.outcomes),
    ...(messageId && { messageId }),
    lease: null,
    ...(wait === undefined ? { due: null } : { notBefore: now + wait, due: dueAfter(now, wait) }),
  }))
  await notify(ports, message.accountId, events)
  if (wait !== undefined) await queueLater(ports, next, wait)
  await countAttempt(ports, message, final.outcomes)
}

/**
 * Nobody knows whether the next hop took it: it waits 15 minutes for any event of ours, then it goes again. What the
 * test addresses answered meanwhile is recorded.
 */
export async function recordAmbiguous(ports: RecordPorts, message: Message, known: readonly Outcome[]): Promise<void> {
  if (message.attempts > ports.sendRetries.length)
    return recordOutcomes(ports, message, { outcomes: [...known, ...unconfirmed(message, known)] })
  const events = await putAttempt(ports, message, known)
  ports.log.warn('the relay may have taken a message; it goes again in 15 minutes', { id: message.id })
  const until = ports.clock.now() + AMBIGUOUS_WAIT_MS
  await progress(ports, message, ({ recipients, ambiguous }) => ({
    recipients: applied(recipients, known),
    ambiguous: ambiguous + 1,
    lease: null,
    notBefore: until,
    due: until,
  }))
  await notify(ports, message.accountId, events)
}

function unconfirmed(message: Message, known: readonly Outcome[]): Outcome[] {
  const answered = new Set(known.map((outcome) => outcome.recipient))
  return message.recipients
    .filter(({ address, pending }) => pending && !answered.has(address))
    .map(({ address }) => ({
      recipient: address,
      status: 'failed',
      diagnostic: 'The relay never confirmed the message',
    }))
}

/** A throttle is a wait and no attempt. */
export async function postpone(ports: RecordPorts, message: Message, waitMs: number): Promise<void> {
  const wait = Math.max(0, waitMs)
  const now = ports.clock.now()
  const next = await progress(ports, message, ({ attempts }) => ({
    attempts: attempts - 1,
    lease: null,
    notBefore: now + wait,
    due: dueAfter(now, wait),
  }))
  await queueLater(ports, next, wait)
}

/** What this attempt came to, if it got as far as its first event; see putAttempt. */
export function endOfAttempt(message: Message, events: readonly MailEvent[]): Ended | undefined {
  const lead = events.find(({ detail }) => detail?.attempt === message.attempts && detail.outcomes !== undefined)
  if (lead === undefined) return undefined
  return {
    outcomes: lead.detail?.outcomes as unknown as readonly Outcome[],
    ...(lead.data.message_id !== message.messageId && { messageId: lead.data.message_id as string }),
  }
}

/**
 * The events of one attempt. The first carries all outcomes and is durable before the others: whoever takes the message
 * over after a crash reads from it how the attempt ended, and completes the rest instead of sending again.
 */
async function putAttempt(
  ports: RecordPorts,
  message: Message,
  outcomes: readonly Outcome[],
): Promise<readonly MailEvent[]> {
  const events = eventsFor(message, outcomes, new Date(ports.clock.now()))
  const [lead, ...rest] = events
  if (lead === undefined) return []
  const detail: Attrs = { ...lead.detail, outcomes: outcomes as unknown as readonly Attrs[] }
  await insist(ports, () => putEvents(ports.table, message.accountId, [{ ...lead, detail }]))
  await putEvents(ports.table, message.accountId, rest)
  return events
}

/** The next hop has the message and nobody knows yet: a store that is busy is asked again before the knowledge is lost. */
async function insist(ports: RecordPorts, write: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await write()
      return
    } catch (error) {
      const busy = error instanceof StoreError && (error.code === 'Throttled' || error.code === 'Unavailable')
      if (!busy || tries === INSIST_TRIES) throw error
      await ports.clock.sleep(INSIST_WAIT_MS * 2 ** tries)
    }
  }
}

const isTaken = (outcomes: readonly Outcome[]) =>
  outcomes.some(({ status }) => status === 'sent' || status === 'delivered')

function eventsFor(message: Message, outcomes: readonly Outcome[], createdAt: Date): MailEvent[] {
  const attempt = message.attempts
  const event = (type: MailEvent['type'], recipient: string, occurrence: string, outcome?: Outcome) =>
    eventOfMessage(message, { type, recipient, occurrence, createdAt, ...(outcome && { outcome }) })
  return [
    ...(isTaken(outcomes) ? [event('email.sent', '', String(attempt))] : []),
    ...outcomes.flatMap((outcome) => {
      if (outcome.status === 'sent') return []
      if (outcome.status === 'deferred')
        return [event('email.delivery_delayed', outcome.recipient, String(attempt), outcome)]
      return [event(`email.${outcome.status}`, outcome.recipient, '', outcome)]
    }),
  ]
}

function applied(recipients: readonly Recipient[], outcomes: readonly Outcome[]): Recipient[] {
  return recipients.map((recipient) =>
    outcomes.filter((outcome) => outcome.recipient === recipient.address).reduce(afterOutcome, recipient),
  )
}

/** The wait before the next attempt; or, when the schedule is used up, the deferred ones as failed and no wait. */
function giveUp(
  ports: RecordPorts,
  message: Message,
  outcomes: readonly Outcome[],
): { outcomes: readonly Outcome[]; waitMs?: number } {
  const answered = new Set(outcomes.map((outcome) => outcome.recipient))
  const left = message.recipients.some(({ address, pending }) => pending && !answered.has(address))
  if (!left && !outcomes.some((outcome) => outcome.status === 'deferred')) return { outcomes }
  const waitMs = retryDelay(ports.sendRetries, message.attempts, ports.random())
  if (waitMs !== undefined) return { outcomes, waitMs }
  return {
    outcomes: outcomes.map((outcome) => (outcome.status === 'deferred' ? { ...outcome, status: 'failed' } : outcome)),
  }
}

/** The sweep comes when the wait is over; where the queue does the waiting, only after it had its chance. */
const dueAfter = (now: number, wait: number) => now + wait + (wait <= QUEUE_WAIT_MS ? QUEUE_WAIT_MS : 0)

async function queueLater(ports: RecordPorts, message: Message, wait: number): Promise<void> {
  if (wait > QUEUE_WAIT_MS) return
  await ports.sendQueue.send([{ body: sendEntry(message.accountId, message.id, message.attempts + 1), delayMs: wait }])
}

/** Writes the change; if the row moved on meanwhile, upon what is there now. Somebody else's end of it is an end. */
async function progress(
  ports: RecordPorts,
  message: Message,
  change: (current: Message) => Progress,
): Promise<Message> {
  let current = message
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      return await writeProgress(ports.table, current, change(current))
    } catch (error) {
      const fresh = isConditionFailed(error) && (await readMessage(ports.table, message.accountId, message.id))
      if (!fresh) throw error
      if (!isPending(fresh)) return fresh
      current = fresh
    }
  }
  throw new Error('a message row changed under five writes in a row')
}
