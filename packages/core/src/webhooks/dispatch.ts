/**
 * Sends webhooks from the queue to their endpoints: at least once, in no order, with the same `svix-id` each time. Each
 * attempt number is tried once, unless a crash comes between the answer and its record, or the queue gives an entry to two
 * processes at once; receivers drop repetitions by the id. The delivery's row is there before its first entry and carries
 * `due` until its end, so that every entry may end or be lost. A wait ends the entry: it is in `due`, unless it is short
 * and the chain of entries too. An outcome that the table does not take goes on in the next entry, which only records it.
 */

import { GuardError } from '../net/url.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import type { Item } from '../ports/table.ts'
import { TABLE_RULES } from '../ports/table-rules.ts'
import { Failures, isUnavailable } from '../store/failures.ts'
import { endpointKey, eventKey } from '../store/keys.ts'
import { deliveryKeyOf, deliveryOf, type WebhookDelivery } from './delivery.ts'
import type { DispatchPorts } from './dispatch-ports.ts'
import { fanOut } from './emit.ts'
import type { PutOff, Slot } from './endpoint-limiter.ts'
import { type Endpoint, endpointOf, endpointRows, signingSecrets } from './endpoints.ts'
import { EVERY_ENDPOINT, parseWebhookEntry, type Result, type WebhookEntry, webhookEntry } from './entry.ts'
import { payloadOf, type WebhookPayload } from './event.ts'
import { isOverdue, isSuccess, mayChain } from './outcome.ts'
import { giveUp, notePause, noteSuccess, recordAttempt, waitInRow } from './record-attempt.ts'
import { signedHeaders } from './sign.ts'

/** An entry as the queue gave it. */
type Queued = { readonly queued: Delivery; readonly entry: WebhookEntry }
type Job = Queued & {
  readonly endpoint: Endpoint | undefined
  readonly payload: WebhookPayload | undefined
  /** Undefined once the row has expired. */
  readonly delivery: WebhookDelivery | undefined
}

const PER_READ = Math.floor(TABLE_RULES.maxGetMany / 2)
/** The delay of an entry that carries an outcome which the table did not take. */
const RECORD_AGAIN_MS = 5000

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
  const failures = new Failures(ports, 'webhooks', signal)
  await Promise.all(parts.map((part) => dispatchPart(ports, part, signal, failures)))
  return failures.all()
}

async function dispatchPart(
  ports: DispatchPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
  failures: Failures,
): Promise<void> {
  const entries = batch.flatMap((queued) => {
    try {
      return [{ queued, entry: parseWebhookEntry(queued.body) }]
    } catch (error) {
      failures.add(queued, error)
      return []
    }
  })
  const { jobs, unreadable } = await load(ports, entries).catch((error: unknown) => noneOf(entries, error))
  for (const { queued, entry, error } of unreadable) failures.add(queued, error, aboutOf(entry))
  await Promise.all(
    jobs.map((job) =>
      guarded(ports, job, signal).catch((error) => failures.add(job.queued, error, aboutOf(job.entry))),
    ),
  )
}

const aboutOf = ({ endpoint, event }: WebhookEntry) => ({ endpoint, event })

type Loaded = { readonly jobs: readonly Job[]; readonly unreadable: readonly (Queued & { readonly error: unknown })[] }

/**
 * Reads the deliveries and the events at once, and the endpoints that are not known. A row that cannot be read fails its
 * own entries only.
 */
async function load(ports: DispatchPorts, entries: readonly Queued[]): Promise<Loaded> {
  if (entries.length === 0) return { jobs: [], unreadable: [] }
  const deliveries = entries.map(({ entry }) => deliveryKeyOf(entry.account, entry.endpoint, entry.event))
  const events = entries.map(({ entry }) => eventKey(entry.account, entry.message, entry.event))
  const [items, endpoints] = await Promise.all([
    ports.table.getMany([...deliveries, ...events]),
    Promise.all(entries.map(({ entry }) => endpointRow(ports, entry))),
  ])
  const jobs: Job[] = []
  const unreadable: Loaded['unreadable'][number][] = []
  for (const [i, one] of entries.entries()) {
    try {
      jobs.push(jobOf(one, { delivery: items[i], event: items[entries.length + i], endpoint: endpoints[i] }))
    } catch (error) {
      unreadable.push({ ...one, error })
    }
  }
  return { jobs, unreadable }
}

/**
 * The row of an entry's endpoint as it was at most five seconds ago; one that is not known, or disabled, as it is now:
 * it may just have been made or enabled, and its delivery would be dropped.
 */
async function endpointRow(ports: DispatchPorts, { account, endpoint }: WebhookEntry): Promise<Item | undefined> {
  const named = (rows: readonly Item[]) => rows.find(({ sk }) => sk === endpoint)
  const known = named(await endpointRows(ports, account))
  if (known?.enabled === true) return known
  return ports.table.get(endpointKey(account, endpoint))
}

const noneOf = (entries: readonly Queued[], error: unknown): Loaded => ({
  jobs: [],
  unreadable: entries.map((one) => ({ ...one, error })),
})

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

/** Keeps one process from making the same attempt twice at once, whatever the queue does: the second entry ends, since the row is due. */
async function guarded(ports: DispatchPorts, job: Job, signal: AbortSignal): Promise<void> {
  const { account, endpoint, event, attempt } = job.entry
  const name = `${account} ${endpoint} ${event} ${attempt}`
  if (ports.running.has(name)) return
  ports.running.add(name)
  try {
    await dispatch(ports, job, signal)
  } finally {
    ports.running.delete(name)
  }
}

async function dispatch(ports: DispatchPorts, job: Job, signal: AbortSignal): Promise<void> {
  const { entry, endpoint, payload, delivery } = job
  if (entry.endpoint === EVERY_ENDPOINT) {
    if (payload) await fanOut(ports, entry.account, payload)
    return
  }
  if (delivery?.made !== entry.attempt - 1 || delivery.status !== 'pending') return
  if (entry.result !== undefined) {
    return recordAttempt(ports, entry.account, delivery, entry.result, entry.chained ?? 0)
  }
  if (endpoint === undefined || !endpoint.enabled || payload === undefined) {
    return giveUp(ports, entry.account, delivery)
  }
  const now = ports.clock.now()
  const slot = await ports.limiter.enter(endpoint, now)
  if (!('putOff' in slot)) return attempt(ports, { endpoint, payload, delivery, slot, entry }, signal)
  if (isOverdue(delivery.since, ports, now)) return giveUp(ports, entry.account, delivery)
  await putOff(ports, entry, delivery, slot)
}

/** A short wait for a busy endpoint is held by the next entry, each longer than the one before; any other by the row. */
async function putOff(
  ports: DispatchPorts,
  entry: WebhookEntry,
  delivery: WebhookDelivery,
  { putOff, waitMs }: PutOff,
): Promise<void> {
  const chained = entry.chained ?? 0
  const delayMs = Math.ceil(waitMs * 2 ** chained * (1 + ports.random()))
  if (putOff === 'paused' || !mayChain(chained, delayMs)) return waitInRow(ports, entry.account, delivery, waitMs)
  await ports.webhookQueue.send([{ body: webhookEntry({ ...entry, chained: chained + 1 }), delayMs }])
}

type Task = {
  readonly entry: WebhookEntry
  readonly endpoint: Endpoint
  readonly payload: WebhookPayload
  readonly delivery: WebhookDelivery
  readonly slot: Slot
}

async function attempt(ports: DispatchPorts, task: Task, signal: AbortSignal): Promise<void> {
  const { entry, endpoint, slot } = task
  const from = ports.clock.monotonic()
  let result: Result | undefined
  let pauseMs = 0
  try {
    result = await post(ports, task, signal)
  } finally {
    const elapsedMs = ports.clock.monotonic() - from
    if (result !== undefined) result = { ...result, durationMs: Math.round(elapsedMs) }
    pauseMs = slot.leave({ ok: result === undefined || isSuccess(result.code), elapsedMs })
  }
  await recordOrHandOn(ports, task, result)
  if (isSuccess(result.code)) await noteSuccess(ports, entry.account, endpoint)
  else if (pauseMs > 0) await notePause(ports, entry.account, endpoint, pauseMs)
}

/** An outcome that the table does not take goes into a new entry, so that the request is not made again. */
async function recordOrHandOn(ports: DispatchPorts, { entry, delivery }: Task, result: Result): Promise<void> {
  const chained = entry.chained ?? 0
  try {
    await recordAttempt(ports, entry.account, delivery, result, chained)
  } catch (error) {
    if (!isUnavailable(error)) throw error
    ports.log.warn('the outcome of a webhook waits in the queue', { event: entry.event, error: error as Error })
    const body = webhookEntry({ ...entry, result, chained: chained + 1 })
    await ports.webhookQueue.send([{ body, delayMs: RECORD_AGAIN_MS }])
  }
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
