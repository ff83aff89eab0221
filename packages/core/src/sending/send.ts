/**
 * Takes entries from the send queue to the relay. An entry is acknowledged after its effects: the events of an attempt, then the
 * message's row, then the webhooks, then the entry. Known waits (a deferral, a throttle) end the entry, since the row is due.
 * An entry that meets another worker's lease comes back: the queue may have given one entry to both, and if this one ended
 * it and the other died between the row and the webhooks, nobody would queue them.
 *
 * Sends at least once: a crash between the relay's acceptance and our first event sends the message again.
 */
import { MailError } from '../errors.ts'
import { type Composed, getContent } from '../messages/content.ts'
import { type MemoryPorts, whileSending } from '../messages/memory.ts'
import { createdAtOf, type SentMessage } from '../messages/message.ts'
import { answeredIds } from '../messages/threads.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { ComputePorts } from '../ports/compute.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import type { Relay } from '../ports/relay.ts'
import { Failures, MAX_WAIT_MS } from '../store/failures.ts'
import { eventsOf } from '../webhooks/event.ts'
import { notify } from '../webhooks/notify.ts'
import { type Attempted, attempt, failPending, type Postponed } from './attempt.ts'
import { type FinishPorts, finishAmbiguous, finishAttempt, postpone, recordedEnd } from './finish-attempt.ts'
import { leaseMs, takeLease, type Worker } from './lease.ts'
import { Tally } from './outcomes.ts'
import { pauseOf, pauseRelay } from './pauses.ts'
import { parseSendEntry, type SendEntry, waitOut } from './send-queue.ts'
import { withoutAddresses } from './watched-relay.ts'
import { outcomesWithoutRelay } from './without-relay.ts'

export type SendPorts = Omit<FinishPorts, 'tally'> &
  MemoryPorts &
  ComputePorts & {
    readonly blobs: Blobs
    readonly relay: Relay
    readonly worker: Worker
  }
type BatchPorts = SendPorts & FinishPorts & { readonly signal: AbortSignal }

const NOT_YET_MS = 2000
/** Most attempts have ended by then. */
const HELD_MS = 10_000
const LEASE_MARGIN_MS = 5000
const THROTTLED_WAIT_MS = 10_000
const CONTENT_WAIT_MS = 15 * 60_000
/** Messages that wait each for itself come back over twice their wait, at most a minute apart. */
const MAX_SPREAD_MS = 60_000

/** The handler of the send queue. */
export async function sendBatch(
  ports: SendPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const tally = new Tally()
  const batchPorts = { ...ports, tally, signal }
  const failures = new Failures(ports, 'send', signal)
  const early = await Promise.all(batch.map((delivery) => handle(batchPorts, delivery, failures)))
  await tally.write(ports)
  return [...failures.all(), ...early.filter((failure) => failure !== undefined)]
}

async function handle(ports: BatchPorts, delivery: Delivery, failures: Failures): Promise<Failure | undefined> {
  const again = delivery.attempt > 1
  try {
    const found = await send(ports, parseSendEntry(delivery.body), again)
    if (found === 'held') return { id: delivery.id, waits: true, retryInMs: HELD_MS }
    // The entry may be faster than the message's row. A row that is missing the second time was never accepted.
    return found || again ? undefined : { id: delivery.id, retryInMs: NOT_YET_MS }
  } catch (error) {
    failures.add(delivery, error)
    return undefined
  }
}

/** `again`: the entry was received before. False if there is no such message, `held` while another worker has it. */
async function send(ports: BatchPorts, entry: SendEntry, again: boolean): Promise<boolean | 'held'> {
  const { accountId, id } = entry
  const pause = await pauseOf(ports, accountId)
  // An entry that comes again may have to queue webhooks, which a fresh entry would not.
  if (pause !== undefined && !again && (await waitOut(ports, entry, pause))) return true
  const leased = await takeLease(ports.table, accountId, id, ports.worker, ports.clock.now())
  if ('not' in leased) {
    // The outcome may be recorded and its webhooks not yet queued.
    if (again && leased.not !== 'missing') {
      await notify(ports, accountId, await eventsOf(ports.table, accountId, id))
    }
    return leased.not === 'held' ? 'held' : leased.not !== 'missing'
  }
  const { message, takenOver } = leased
  if (takenOver && (await completeRecord(ports, message))) return true
  if (pause !== undefined) {
    await postpone(ports, message, pause.until - ports.clock.now())
    return true
  }
  if (takenOver) ports.log.warn('an attempt whose end is unknown is made again', { id, attempt: message.attempts })
  await relayOnce(ports, message)
  return true
}

/** Completes the record of an attempt whose worker died while it recorded. False if no outcome was recorded. */
async function completeRecord(ports: BatchPorts, message: SentMessage): Promise<boolean> {
  const ended = recordedEnd(message, await eventsOf(ports.table, message.accountId, message.id))
  if (ended === undefined) return false
  const content = await getContent(ports, message)
  await finishAttempt(ports, message, { ...ended, ...(content && { answers: answeredIds(content.headers) }) })
  return true
}

async function relayOnce(ports: BatchPorts, message: SentMessage): Promise<void> {
  const attempted = await withTimeLimit(ports, leaseMs(message) - LEASE_MARGIN_MS, (limit) => {
    return whileSending(ports, message.size, () => composeAndRelay(ports, message, limit))
  })
  if ('postponed' in attempted) {
    const { postponed } = attempted
    ports.log.debug('a message is postponed', { id: message.id, reason: withoutAddresses(postponed.message) })
    return postpone(ports, message, await waitAfter(ports, postponed))
  }
  if ('ambiguous' in attempted) return finishAmbiguous(ports, message, attempted)
  await finishAttempt(ports, message, attempted)
}

async function composeAndRelay(ports: SendPorts, message: SentMessage, limit: AbortSignal): Promise<Attempted> {
  let content: Composed | undefined
  try {
    content = await getContent(ports, message)
  } catch (error) {
    if (error instanceof MailError && error.code === 'unavailable') return withoutContent(ports, message, error)
    throw error
  }
  if (content === undefined) throw new MailError('not_found', 'The content of a pending message is gone.')
  return attempt(ports, message, content, await outcomesWithoutRelay(ports.table, message), limit)
}

/** Waits in the message's row for content that is not there. What is not back after 14 days is lost, and the message has failed. */
function withoutContent({ clock, log }: SendPorts, message: SentMessage, error: MailError): Attempted {
  const { id, accountId: account } = message
  if (clock.now() - createdAtOf(message).getTime() < MAX_WAIT_MS) {
    log.error('the content of a message is not there; the message waits', { account, id })
    return { postponed: { retryAfterMs: CONTENT_WAIT_MS, pause: undefined, message: error.message } }
  }
  log.error('the content of a message is gone for good; the message failed', { account, id })
  return { outcomes: failPending(message, 'The content of the message is lost') }
}

/** Milliseconds until the message may go again. A throttle of all messages pauses the relay for every worker. */
async function waitAfter(ports: SendPorts, { retryAfterMs = THROTTLED_WAIT_MS, pause }: Postponed): Promise<number> {
  if (pause === undefined) return retryAfterMs + ports.random() * Math.min(retryAfterMs, MAX_SPREAD_MS)
  const { until } = await pauseRelay(ports, pause, retryAfterMs)
  return until - ports.clock.now()
}

/** Runs `work` with a signal that aborts with the outer one or after `ms`. */
async function withTimeLimit<T>(
  { clock, signal: outer }: BatchPorts,
  ms: number,
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
