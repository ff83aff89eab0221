/** What an attempt means for a delivery: the schedule, without any I/O. */
import type { Telling } from './event.ts'
import type { Attempt, Hook } from './rows.ts'

export type Schedule = {
  /** Waits before each attempt in ms; as many attempts as waits. */
  readonly webhookRetriesMs: readonly number[]
}

/** From here on a wait is left to the sweep; below, the queue itself holds the next attempt. */
export const LONG_WAIT_MS = 2 * 60_000
/** If the queue lost the next attempt, the sweep finds the row so much later. */
export const HEAL_MS = 60_000

const KEPT_ATTEMPTS = 20
/** Of the newest attempts, and of those before; 20 rows of both stay under 16 KB. */
const LONG_RESPONSE_BYTES = 1024
const SHORT_RESPONSE_BYTES = 192
const LONG_RESPONSES = 5

/** Before the first attempt; such a delivery has no row yet. */
export function newHook(endpointId: string, event: Omit<Telling, 'body'>, since: number): Hook {
  return {
    endpointId,
    eventId: event.id,
    messageId: event.messageId,
    type: event.type,
    createdAt: event.createdAt,
    status: 'pending',
    made: 0,
    base: 0,
    since,
    nextAt: 0,
    dueAt: 0,
    attempts: [],
  }
}

/** Only 2xx is a success; a redirect, as any other status, is not. */
export const isSuccess = (code: number) => code >= 200 && code < 300

/** The delivery after its next attempt, which ended at `now`: done, to be tried again, or given up. */
export function afterAttempt(
  hook: Hook,
  result: Omit<Attempt, 'n'>,
  { webhookRetriesMs }: Schedule,
  now: number,
): Hook {
  const made = hook.made + 1
  const attempts = [...hook.attempts, { n: made, ...result }]
  if (isSuccess(result.code)) return { ...hook, made, status: 'success', attempts: kept(attempts, 0) }
  const settled = { ...hook, made, attempts: kept(attempts, LONG_RESPONSES) }
  const waitMs = webhookRetriesMs[made - hook.base]
  if (waitMs === undefined) return { ...settled, status: 'failed' }
  const nextAt = now + waitMs
  return { ...settled, status: 'pending', nextAt, dueAt: nextAt + (waitMs < LONG_WAIT_MS ? HEAL_MS : 0) }
}

/**
 * A paused endpoint puts attempts off, but not for ever: a quarter longer than the schedule and an hour.
 */
export function isOverdue(since: number, { webhookRetriesMs }: Schedule, now: number): boolean {
  const scheduleMs = webhookRetriesMs.reduce((sum, ms) => sum + ms, 0)
  return now > since + scheduleMs * 1.25 + 3600_000
}

/**
 * The newest ones, and of the last `long` of them more of the response. After a success of none: nobody reads at length
 * what an endpoint says to it, and a row of 1 KB costs one write unit.
 */
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
