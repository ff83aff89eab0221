/**
 * Sends webhooks from the queue to their endpoints: at least once, in no order, with the same `svix-id` each time. Each
 * attempt number is tried once, unless a crash comes between the answer and its record, or the queue gives an entry to two
 * processes at once; receivers drop repetitions by the id. The first outcome makes the delivery's row, and a success ends
 * it with that one write. A failure is recorded together with `due` before the next attempt is queued, so that a crash in
 * between loses nothing.
 */

import { GuardError } from '../net/url.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import type { Item } from '../ports/table.ts'
import { TABLE_RULES } from '../ports/table-rules.ts'
import { mayWait, reasonOf, waitAgainMs } from '../store/failures.ts'
import { endpointKey, eventKey } from '../store/keys.ts'
import { type Attempt, deliveryKeyOf, deliveryOf, type WebhookDelivery } from './delivery.ts'
import type { DispatchPorts } from './dispatch-ports.ts'
import { fanOut } from './emit.ts'
import type { PutOff, Slot } from './endpoint-limiter.ts'
import { type Endpoint, endpointOf, signingSecrets } from './endpoints.ts'
import { EVERY_ENDPOINT, parseWebhookEntry, type WebhookEntry, webhookEntry } from './entry.ts'
import { payloadOf, type WebhookPayload } from './event.ts'
import { isOverdue, isSuccess, newDelivery } from './outcome.ts'
import { giveUp, notePause, noteSuccess, recordAttempt } from './record-attempt.ts'
import { signedHeaders } from './sign.ts'

/** An entry as the queue gave it. */
type Queued = { readonly queued: Delivery; readonly entry: WebhookEntry }
type Job = Queued & {
  readonly endpoint: Endpoint | undefined
  readonly payload: WebhookPayload | undefined
  /** Undefined before the first outcome. */
  readonly delivery: WebhookDelivery | undefined
}

const PER_READ = Math.floor(TABLE_RULES.maxGetMany / 3)
/** The delay of an entry that is being dispatched already, or that ended in an unknown error. */
const AGAIN_MS = 30_000

/**
 * Makes the attempts of a batch, all at the same time; a batch lasts as long as its slowest endpoint, at most the
 * client's timeout. An endpoint's answer is never a failure of the batch; broken entries and errors of our own are.
 */
export async function dispatchBatch(
  ports: DispatchPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const parts = Array.from({ length: Math.ceil(batch.length / PER_READ) }, (_, i) =>
    batch.slice(i * PER_READ, (i + 1) * PER_READ),
  )
  const failures = await Promise.all(parts.map((part) => dispatchPart(ports, part, signal)))
  return failures.flat()
}

async function dispatchPart(
  ports: DispatchPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const broken: Failure[] = []
  const entries = batch.flatMap((queued) => {
    try {
      return [{ queued, entry: parseWebhookEntry(queued.body) }]
    } catch (error) {
      ports.log.error('a webhook entry is broken', { id: queued.id, error: error as Error })
      broken.push({ id: queued.id, retryInMs: AGAIN_MS, reason: reasonOf(error) })
      return []
    }
  })
  const { jobs, unreadable } = await load(ports, entries)
  const failures = await Promise.all(jobs.map((job) => guarded(ports, job, signal)))
  return [
    ...broken,
    ...unreadable.map(({ error, ...queued }) => failureOf(ports, queued, error, signal)),
    ...failures.filter((failure) => failure !== undefined),
  ]
}

type Loaded = { readonly jobs: readonly Job[]; readonly unreadable: readonly (Queued & { readonly error: unknown })[] }

/** Reads the deliveries, the events and the endpoints, all at once. A row that cannot be read fails its own entries only. */
async function load(ports: DispatchPorts, entries: readonly Queued[]): Promise<Loaded> {
  if (entries.length === 0) return { jobs: [], unreadable: [] }
  const endpoints = new Map(entries.map(({ entry }) => [ownerOf(entry), endpointKey(entry.account, entry.endpoint)]))
  const deliveries = entries.map(({ entry }) => deliveryKeyOf(entry.account, entry.endpoint, entry.event))
  const events = entries.map(({ entry }) => eventKey(entry.account, entry.message, entry.event))
  const items = await ports.table.getMany([...deliveries, ...events, ...endpoints.values()])
  const found = items.slice(2 * entries.length)
  const known = new Map([...endpoints.keys()].map((owner, i) => [owner, found[i]]))
  const jobs: Job[] = []
  const unreadable: Loaded['unreadable'][number][] = []
  for (const [i, one] of entries.entries()) {
    try {
      jobs.push(
        jobOf(one, { delivery: items[i], event: items[entries.length + i], endpoint: known.get(ownerOf(one.entry)) }),
      )
    } catch (error) {
      unreadable.push({ ...one, error })
    }
  }
  return { jobs, unreadable }
}

type Rows = Readonly<Record<'delivery' | 'event' | 'endpoint', Item | undefined>>

/** @throws {StoreError} `UnknownFormat` */
function jobOf({ queued, entry }: Queued, { delivery, event, endpoint }: Rows): Job {
  return {
    queued,
    entry,
    endpoint: endpoint && endpointOf(endpoint),
    payload: event && payloadOf(entry.message, entry.event, event),
    delivery: delivery && deliveryOf(delivery),
  }
}

const ownerOf = ({ account, endpoint }: WebhookEntry) => `${account} ${endpoint}`

/** Keeps one process from making the same attempt twice at once, whatever the queue does. */
async function guarded(ports: DispatchPorts, job: Job, signal: AbortSignal): Promise<Failure | undefined> {
  const { account, endpoint, event, attempt } = job.entry
  const name = `${account} ${endpoint} ${event} ${attempt}`
  if (ports.running.has(name)) return { id: job.queued.id, retryInMs: AGAIN_MS, waits: true }
  ports.running.add(name)
  try {
    await dispatch(ports, job, signal)
    return undefined
  } catch (error) {
    return failureOf(ports, job, error, signal)
  } finally {
    ports.running.delete(name)
  }
}

function failureOf(ports: DispatchPorts, { queued, entry }: Queued, error: unknown, signal: AbortSignal): Failure {
  const { id } = queued
  if (signal.aborted) return { id, retryInMs: 0, waits: true }
  const { endpoint, event } = entry
  ports.log.error('a webhook was not dispatched and comes back', { endpoint, event, error: error as Error })
  const reason = reasonOf(error)
  if (!mayWait(queued, error, ports.clock)) return { id, retryInMs: AGAIN_MS, reason }
  return { id, waits: true, retryInMs: waitAgainMs(queued, ports.clock), reason }
}

async function dispatch(ports: DispatchPorts, job: Job, signal: AbortSignal): Promise<void> {
  const { entry, endpoint, payload, delivery } = job
  if (entry.endpoint === EVERY_ENDPOINT) {
    if (payload) await fanOut(ports, entry.account, payload)
    return
  }
  const made = delivery?.made ?? 0
  if (made !== entry.attempt - 1 || (delivery && delivery.status !== 'pending')) return
  if (endpoint === undefined || !endpoint.enabled || payload === undefined) {
    if (delivery) await giveUp(ports, entry.account, delivery)
    return
  }
  const now = ports.clock.now()
  const current = delivery ?? newDelivery(endpoint.id, payload, entry.since ?? now)
  const slot = await ports.limiter.enter(endpoint, now)
  if ('putOff' in slot) {
    if (!isOverdue(current.since, ports, now)) return putOff(ports, job, slot, current.since)
    return giveUp(ports, entry.account, current)
  }
  return attempt(ports, { endpoint, payload, delivery: current, slot, account: entry.account }, signal)
}

/** Queues the entry again. A delivery with a row has `due`, which is enough while the endpoint is paused. */
async function putOff(ports: DispatchPorts, job: Job, { putOff, waitMs }: PutOff, since: number): Promise<void> {
  if (job.delivery && putOff === 'paused') return
  await ports.webhookQueue.send([{ body: webhookEntry({ ...job.entry, since }), delayMs: waitMs }])
}

type Task = {
  readonly account: string
  readonly endpoint: Endpoint
  readonly payload: WebhookPayload
  readonly delivery: WebhookDelivery
  readonly slot: Slot
}
type Result = Omit<Attempt, 'number'>

async function attempt(ports: DispatchPorts, task: Task, signal: AbortSignal): Promise<void> {
  const { account, endpoint, delivery, slot } = task
  const from = ports.clock.monotonic()
  let result: Result | undefined
  let pauseMs = 0
  try {
    result = await post(ports, task, signal)
  } finally {
    const elapsedMs = ports.clock.monotonic() - from
    pauseMs = slot.leave({ ok: result === undefined || isSuccess(result.code), elapsedMs })
  }
  await recordAttempt(ports, account, delivery, result)
  if (isSuccess(result.code)) await noteSuccess(ports, account, endpoint)
  else if (pauseMs > 0) await notePause(ports, account, endpoint, pauseMs)
}

/** @throws {GuardError} `aborted`, after the signal */
async function post(ports: DispatchPorts, task: Task, signal: AbortSignal): Promise<Result> {
  const at = ports.clock.now()
  const { id, body } = task.payload
  const headers = {
    'content-type': 'application/json',
    'user-agent': ports.userAgent,
    ...signedHeaders(signingSecrets(task.endpoint, at), id, new Date(at), body),
  }
  try {
    const answer = await ports.client.request({ url: task.endpoint.url, method: 'POST', headers, body, signal })
    return { code: answer.status, response: answer.body.toString('utf8', 0, 1024), at }
  } catch (error) {
    if (error instanceof GuardError && error.code !== 'aborted') return { code: 0, response: error.message, at }
    throw error
  }
}
