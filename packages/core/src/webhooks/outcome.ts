/** The schedule of a delivery, and its state after an attempt. No I/O. */
import type { Attempt, WebhookDelivery } from './delivery.ts'
import type { Result } from './entry.ts'
import type { MailEvent } from './event.ts'

export type Schedule = {
  /** Waits before each attempt in ms; as many attempts as waits. */
  readonly webhookRetriesMs: readonly number[]
}

/** The delay after which the sweep looks after an attempt that the queue holds, in case the queue lost it. */
export const HEAL_MS = 2 * 60_000
/** The longest wait that an entry may hold by queueing another one. A longer wait is in the row's `due`. */
export const MAX_QUEUED_WAIT_MS = 10_000
/**
 * The most entries that follow one another in the queue. Lambda stops a chain of invocations at about 16; each entry that
 * the sweep queues begins a new chain.
 */
const MAX_CHAINED = 3

/** True if a wait may be held by one more entry in the queue, after an entry with `chained` before it. */
export const mayChain = (chained: number, waitMs: number): boolean =>
  chained < MAX_CHAINED && waitMs <= MAX_QUEUED_WAIT_MS

const KEPT_ATTEMPTS = 20
/** Bytes kept of the response of the newest attempts, and of those before: the attempts of a row stay under 16 KB. */
const LONG_RESPONSE_BYTES = 1024
const SHORT_RESPONSE_BYTES = 192
const LONG_RESPONSES = 5

/** Names the fields of an event that a delivery is made of. */
export type NotifiedEvent = Pick<MailEvent, 'id' | 'type' | 'messageId' | 'createdAt'>

/** A delivery before its first attempt, which the queue holds for `delayMs`. */
export function newDelivery(endpointId: string, event: NotifiedEvent, now: number, delayMs: number): WebhookDelivery {
  return {
    endpointId,
    eventId: event.id,
    messageId: event.messageId,
    type: event.type,
    createdAt: event.createdAt,
    status: 'pending',
    made: 0,
    madeBefore: 0,
    since: now,
    nextAt: now + delayMs,
    dueAt: now + delayMs + HEAL_MS,
    attempts: [],
  }
}

/** Only 2xx is a success; a redirect is none. */
export const isSuccess = (code: number) => code >= 200 && code < 300

/**
 * The delivery after its next attempt, which ended at `now`: a success, to be tried again, or failed. If the queue holds
 * the next attempt, `dueAt` is later than `nextAt`.
 */
export function afterAttempt(
  delivery: WebhookDelivery,
  result: Result,
  { webhookRetriesMs }: Schedule,
  now: number,
  chained = 0,
): WebhookDelivery {
  const made = delivery.made + 1
  const replayed = delivery.madeBefore > 0
  const attempts = [...delivery.attempts, { number: made, ...result, ...(replayed && { replayed }) }]
  if (isSuccess(result.code)) return { ...delivery, made, status: 'success', attempts: kept(attempts, 0) }
  const settled = { ...delivery, made, attempts: kept(attempts, LONG_RESPONSES) }
  const waitMs = webhookRetriesMs[made - delivery.madeBefore]
  if (waitMs === undefined) return { ...settled, status: 'failed' }
  const nextAt = now + waitMs
  return { ...settled, status: 'pending', nextAt, dueAt: nextAt + (mayChain(chained, waitMs) ? HEAL_MS : 0) }
}

/** True once the pauses of an endpoint have put the delivery off for too long: a quarter longer than its schedule and an hour. */
export function isOverdue(since: number, { webhookRetriesMs }: Schedule, now: number): boolean {
  const scheduleMs = webhookRetriesMs.reduce((sum, ms) => sum + ms, 0)
  return now > since + scheduleMs * 1.25 + 3600_000
}

/** The newest attempts, the last `long` of them with more of the response. The response to a success is of little use. */
function kept(attempts: readonly Attempt[], long: number): readonly Attempt[] {
  const last = attempts.slice(-KEPT_ATTEMPTS)
  return last.map((attempt, i) => {
    const max = i < last.length - long ? SHORT_RESPONSE_BYTES : LONG_RESPONSE_BYTES
    const response = firstBytes(attempt.response, max)
    return response === attempt.response ? attempt : { ...attempt, response }
  })
}

/** The text's beginning in at most `max` bytes of UTF-8, without half a character. */
export function firstBytes(text: string, max: number): string {
  // At most 3 bytes come from one UTF-16 unit.
  if (text.length <= max / 3) return text
  const bytes = Buffer.from(text.slice(0, max))
  if (bytes.length <= max) return text.slice(0, max)
  return new TextDecoder().decode(bytes.subarray(0, max)).replace(/\uFFFD+$/, '')
}
