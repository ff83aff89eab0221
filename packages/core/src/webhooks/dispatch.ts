/**
 * Webhook queue to endpoints: at least once, in no order, the same `svix-id` each time. An attempt number is tried once,
 * unless a crash comes between the answer and its record, or the queue gives an entry to two processes at once:
 * receivers drop what they know by its id. The first outcome makes the delivery's row; a success is one put and ends
 * it. A failure is recorded together with `due` before the next attempt is queued, so that a crash there loses nothing.
 */
import { GuardError } from '../net/url.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import { TABLE_RULES } from '../ports/table-rules.ts'
import { EVERY_ENDPOINT, spread } from './announce.ts'
import type { DispatchPorts } from './dispatch-ports.ts'
import type { PutOff, Slot } from './endpoint-limiter.ts'
import { signingSecrets } from './endpoints.ts'
import { decodeEntry, encodeEntry, type HookEntry } from './entry.ts'
import { eventKey, getTelling, type Telling, tellingOf } from './event.ts'
import { isOverdue, isSuccess, newHook } from './outcome.ts'
import { giveUp, notePause, noteSuccess, record } from './record.ts'
import { type Attempt, type Endpoint, endpointKey, endpointOf, type Hook, hookKey, hookOf } from './rows.ts'
import { signedHeaders } from './sign.ts'

type Job = {
  readonly delivery: Delivery
  readonly entry: HookEntry
  readonly endpoint: Endpoint | undefined
  readonly event: Telling | undefined
  /** Undefined before the first outcome. */
  readonly hook: Hook | undefined
}

const PER_READ = Math.floor(TABLE_RULES.maxGetMany / 3)
/** For entries that are being dispatched already, and for unknown errors. */
const AGAIN_MS = 30_000

/**
 * Makes the attempts of a batch, all at the same time; a batch lasts as long as its slowest endpoint, at most the
 * client's timeout. What an endpoint does is never a failure of the batch: only broken entries and our own troubles.
 */
export async function dispatchBatch(
  ports: DispatchPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const parts = Array.from({ length: Math.ceil(batch.length / PER_READ) }, (_, i) =>
    batch.slice(i * PER_READ, (i + 1) * PER_READ),
  )
  // Before any request holds a lane, where a slow start would pass for a slow endpoint.
  await ports.client.ready()
  const failures = await Promise.all(parts.map((part) => dispatchPart(ports, part, signal)))
  return failures.flat()
}

async function dispatchPart(
  ports: DispatchPorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const broken: Failure[] = []
  const entries = batch.flatMap((delivery) => {
    try {
      return [{ delivery, entry: decodeEntry(delivery.body) }]
    } catch (error) {
      ports.log.error('webhook entry is broken', { id: delivery.id, error: error as Error })
      broken.push({ id: delivery.id, retryInMs: AGAIN_MS })
      return []
    }
  })
  const failures = await Promise.all((await load(ports, entries)).map((job) => guarded(ports, job, signal)))
  return [...broken, ...failures.filter((failure) => failure !== undefined)]
}

/** Endpoints, what is recorded, and the events, in one read. */
async function load(
  ports: DispatchPorts,
  entries: readonly { readonly delivery: Delivery; readonly entry: HookEntry }[],
): Promise<readonly Job[]> {
  if (entries.length === 0) return []
  const endpoints = new Map(entries.map(({ entry }) => [ownerOf(entry), endpointKey(entry.account, entry.endpoint)]))
  const hooks = entries.map(({ entry }) => hookKey(entry.account, entry.endpoint, entry.event))
  const events = entries.map(({ entry }) => eventKey(entry.account, entry.message, entry.event, entry.type))
  const items = await ports.table.getMany([...hooks, ...events, ...endpoints.values()])
  const found = items.slice(2 * entries.length).map((item) => item && endpointOf(item))
  const known = new Map([...endpoints.keys()].map((owner, i) => [owner, found[i]]))
  const jobs: Job[] = []
  for (const [i, { delivery, entry }] of entries.entries()) {
    const [hook, event] = [items[i], items[entries.length + i]]
    const { account, message, event: id } = entry
    jobs.push({
      delivery,
      entry,
      endpoint: known.get(ownerOf(entry)),
      // One of a message that was deleted meanwhile is elsewhere.
      event: event ? tellingOf(message, id, event) : await getTelling(ports.table, account, message, id),
      hook: hook && hookOf(hook),
    })
  }
  return jobs
}

const ownerOf = ({ account, endpoint }: HookEntry) => `${account} ${endpoint}`

/** The same attempt is not made twice at once in one process, whatever the queue does. */
async function guarded(ports: DispatchPorts, job: Job, signal: AbortSignal): Promise<Failure | undefined> {
  const { account, endpoint, event, attempt } = job.entry
  const name = `${account} ${endpoint} ${event} ${attempt}`
  const id = job.delivery.id
  const again = { id, retryInMs: AGAIN_MS }
  if (ports.memory.running.has(name)) return again
  ports.memory.running.add(name)
  try {
    return await dispatch(ports, job, signal)
  } catch (error) {
    if (signal.aborted) return { id, retryInMs: 0 }
    ports.log.error('webhook dispatch failed', { endpoint, event, error: error as Error })
    return again
  } finally {
    ports.memory.running.delete(name)
  }
}

async function dispatch(ports: DispatchPorts, job: Job, signal: AbortSignal): Promise<Failure | undefined> {
  const { entry, endpoint, event, hook } = job
  if (entry.endpoint === EVERY_ENDPOINT) return event && spread(ports, entry.account, event)
  const recorded = hook?.made ?? 0
  if (recorded !== entry.attempt - 1 || (hook && hook.status !== 'pending')) return undefined
  if (endpoint === undefined || !endpoint.enabled || event === undefined) {
    if (hook) await giveUp(ports, entry.account, hook)
    return undefined
  }
  const now = ports.clock.now()
  const current = hook ?? newHook(endpoint.id, event, entry.since ?? now)
  const slot = await ports.memory.lanes.enter(endpoint, now)
  if ('putOff' in slot) {
    if (!isOverdue(current.since, ports, now)) return putOff(ports, job, slot, current.since)
    await giveUp(ports, entry.account, current)
    return undefined
  }
  await attempt(ports, { endpoint, event, hook: current, slot, account: entry.account }, signal)
  return undefined
}

/** A delivery with a row has `due`, which the sweep moved on when it queued this entry; one without is queued again. */
async function putOff(ports: DispatchPorts, job: Job, { putOff, waitMs }: PutOff, since: number): Promise<undefined> {
  if (job.hook && putOff === 'paused') return
  await ports.webhookQueue.send([{ body: encodeEntry({ ...job.entry, since }), delayMs: waitMs }])
}

type Task = {
  readonly account: string
  readonly endpoint: Endpoint
  readonly event: Telling
  readonly hook: Hook
  readonly slot: Slot
}

async function attempt(ports: DispatchPorts, task: Task, signal: AbortSignal): Promise<void> {
  const { account, endpoint, hook, slot } = task
  const from = performance.now()
  let result: Omit<Attempt, 'n'> | undefined
  let pauseMs = 0
  try {
    result = await post(ports, task, signal)
  } finally {
    const elapsedMs = performance.now() - from
    pauseMs = slot.leave({ ok: result === undefined || isSuccess(result.code), elapsedMs })
  }
  await record(ports, account, hook, result)
  if (isSuccess(result.code)) await noteSuccess(ports, account, endpoint)
  else if (pauseMs > 0) await notePause(ports, account, endpoint, pauseMs)
}

/** Throws only when cut short from our side. */
async function post(ports: DispatchPorts, task: Task, signal: AbortSignal): Promise<Omit<Attempt, 'n'>> {
  const at = ports.clock.now()
  const { id, body } = task.event
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
