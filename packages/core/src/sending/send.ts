/**
 * From the send queue to the relay. An entry is acknowledged after its effects: the events of an attempt, then the
 * message's row, then the webhooks, then the entry. Known waits (a deferral, a throttle, somebody else's lease) end the
 * entry, since the row's `due` remembers; only crashes and unknown errors leave it to come back.
 *
 * At least once: between the relay's acceptance and our first event there is a window in which a crash sends again.
 */

import { MailError } from '../errors.ts'
import { getContent } from '../messages/content.ts'
import type { Message } from '../messages/message.ts'
import { answeredIds } from '../messages/message-ids.ts'
import type { Clock } from '../ports/clock.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import { Semaphore } from '../store/semaphore.ts'
import { eventsOf } from '../webhooks/event.ts'
import { notify } from '../webhooks/notify.ts'
import { type Attempted, attempt, type Postponed } from './attempt.ts'
import { waitOut } from './defer.ts'
import { parseSendEntry, type SendEntry } from './entry.ts'
import { leaseMs, takeLease, takeUnread } from './lease.ts'
import { pauseOf, pauseRelay } from './pauses.ts'
import { endOfAttempt, postpone, recordAmbiguous, recordOutcomes, THROTTLED_WAIT_MS } from './record.ts'
import type { SendPorts } from './send-ports.ts'
import { answered } from './suppressed.ts'

const FAILED_RETRY_MS = 5000
const NOT_YET_MS = 2000
const LEASE_MARGIN_MS = 5000
/**
 * Of large messages that a batch composes at once. One of 40 MB takes 200 MB on its way into a request of SES, which fits
 * the function's 512; small ones are not counted, so that they never wait for a large one.
 */
const IN_HAND_BYTES = 40 * 1024 * 1024
const LARGE_BYTES = 1024 * 1024

/** The handler of the send queue. */
export async function sendBatch(
  ports: SendPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const inHand = new Semaphore(IN_HAND_BYTES)
  const failures = await Promise.all(batch.map((delivery) => handle(ports, delivery, signal, inHand)))
  return failures.filter((failure) => failure !== undefined)
}

async function handle(
  ports: SendPorts,
  delivery: Delivery,
  signal: AbortSignal,
  inHand: Semaphore,
): Promise<Failure | undefined> {
  try {
    const found = await send(ports, parseSendEntry(delivery.body), delivery.attempt > 1, signal, inHand)
    // The entry may be faster than the rows it speaks of; what is not there the second time was never accepted.
    return found || delivery.attempt > 1 ? undefined : { id: delivery.id, retryInMs: NOT_YET_MS }
  } catch (error) {
    ports.log.error('a send entry failed and comes back', { attempt: delivery.attempt, error: error as Error })
    return { id: delivery.id, retryInMs: FAILED_RETRY_MS * 2 ** Math.min(delivery.attempt - 1, 6) }
  }
}

/** False if there is no such message. */
async function send(
  ports: SendPorts,
  entry: SendEntry,
  again: boolean,
  signal: AbortSignal,
  inHand: Semaphore,
): Promise<boolean> {
  const { accountId, id } = entry
  const pause = await pauseOf(ports, accountId)
  // One that comes again may have to see to webhooks, which a fresh entry would not.
  if (pause !== undefined && !again && (await waitOut(ports, entry, pause))) return true
  const now = ports.clock.now()
  const isNew = pause === undefined && !again
  const leased =
    (isNew && (await takeUnread(ports.table, entry, ports.worker, now))) ||
    (await takeLease(ports.table, accountId, id, ports.worker, now))
  if ('not' in leased) {
    // The outcome may be recorded and its webhooks not yet queued: whoever comes again sees to them.
    if (again && leased.not !== 'missing') await notify(ports, accountId, await eventsOf(ports.table, accountId, id))
    return leased.not !== 'missing'
  }
  const { message, takenOver } = leased
  const known = takenOver ? endOfAttempt(message, await eventsOf(ports.table, accountId, id)) : undefined
  if (known !== undefined) {
    const content = await getContent(ports, message)
    await recordOutcomes(ports, message, { ...known, ...(content && { answers: answeredIds(content.headers) }) })
    return true
  }
  if (pause !== undefined) {
    await postpone(ports, message, pause.until - ports.clock.now())
    return true
  }
  if (takenOver) ports.log.warn('an attempt whose end is unknown is made again', { id, attempt: message.attempts })
  await relayOnce(ports, message, signal, inHand)
  return true
}

async function relayOnce(ports: SendPorts, message: Message, signal: AbortSignal, inHand: Semaphore): Promise<void> {
  const attempted = await within(ports.clock, leaseMs(message) - LEASE_MARGIN_MS, signal, (limit) => {
    const relay = () => composeAndRelay(ports, message, limit)
    return message.contentBytes < LARGE_BYTES ? relay() : inHand.use(message.contentBytes, relay)
  })
  if ('postponed' in attempted) return postpone(ports, message, await throttled(ports, attempted.postponed))
  if ('ambiguous' in attempted) return recordAmbiguous(ports, message, attempted.outcomes)
  await recordOutcomes(ports, message, attempted)
}

async function composeAndRelay(ports: SendPorts, message: Message, limit: AbortSignal): Promise<Attempted> {
  const content = await getContent(ports, message)
  if (content === undefined) throw new MailError('not_found', 'The content of a pending message is gone.')
  return attempt(ports.relay, message, content, await answered(ports.table, message), limit)
}

/** Milliseconds to wait; where the relay means everybody, everybody gets to know. */
async function throttled(ports: SendPorts, { retryAfterMs = THROTTLED_WAIT_MS, pause }: Postponed): Promise<number> {
  if (pause === undefined) return retryAfterMs
  const { until } = await pauseRelay(ports, pause, retryAfterMs)
  return until - ports.clock.now()
}

/** The signal of `work` aborts with the outer one or when its time is up, and is let go of when the work has ended. */
async function within<T>(
  clock: Clock,
  ms: number,
  outer: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const abort = () => controller.abort(outer.reason ?? new Error('the attempt took too long'))
  const cancel = clock.after(ms, abort)
  outer.addEventListener('abort', abort, { once: true })
  if (outer.aborted) abort()
  try {
    return await work(controller.signal)
  } finally {
    cancel()
    outer.removeEventListener('abort', abort)
  }
}
