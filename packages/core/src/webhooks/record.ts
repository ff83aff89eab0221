import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import { type Attrs, isConditionFailed, type Table, type Update } from '../ports/table.ts'
import type { DispatchPorts } from './dispatch-ports.ts'
import { nextEntry } from './due.ts'
import { afterAttempt, LONG_WAIT_MS } from './outcome.ts'
import { type Attempt, dayItem, dayOfEvent, type Endpoint, endpointKey, type Hook, hookItem } from './rows.ts'

const MAX_DAYS = 10_000
/** Of an attempt that is nearer the row is written before it is queued, or its entry might come first. */
const APART_MS = 1000
/** An endpoint that had only failures for so long is disabled. */
const DISABLE_AFTER_MS = 5 * 24 * 3600_000

/**
 * Writes the outcome of the next attempt of `hook`, unless another process was first, and sees to what follows. An
 * attempt that is some time away is queued together with the write, which where writes share a commit is one: its entry
 * comes after the row is written, and one that finds another row than it expects is dropped.
 */
export async function record(
  ports: DispatchPorts,
  accountId: string,
  hook: Hook,
  result: Omit<Attempt, 'n'>,
): Promise<void> {
  const now = ports.clock.now()
  const next = afterAttempt(hook, result, ports, now)
  const waitMs = next.nextAt - now
  const soon = next.status === 'pending' && waitMs < LONG_WAIT_MS
  const together = soon && waitMs >= APART_MS
  const queue = () => queueNext(ports, accountId, next, waitMs)
  const storing = putHook(ports, accountId, hook, next)
  if (together) await Promise.all([storing, queue()])
  if (!(await storing)) return
  if (soon && !together) await queue()
  if (next.status === 'failed') await noteGivenUp(ports, accountId, next)
}

/** Ends a delivery that can't or needn't be tried any more. */
export async function giveUp(ports: DispatchPorts, accountId: string, hook: Hook): Promise<void> {
  await putHook(ports, accountId, hook, { ...hook, status: 'failed' })
}

/** False if the row is no longer the one that `before` was read from. */
async function putHook(ports: DispatchPorts, accountId: string, before: Hook, next: Hook): Promise<boolean> {
  const noted = noteDay(ports, accountId, next)
  if (noted !== 'noted') await noted
  try {
    await ports.table.write({
      kind: 'put',
      item: hookItem(accountId, next, ports.clock.now()),
      if:
        before.made === 0 && before.dueAt === 0 ? [{ exists: false }] : [{ attr: 'made', op: '=', value: before.made }],
    })
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
}

/** Before the delivery's row, so that a list never misses one; once a day for each process. */
function noteDay(ports: DispatchPorts, accountId: string, hook: Hook): Promise<void> | 'noted' {
  const now = ports.clock.now()
  const day = dayOfEvent(hook.eventId)
  const note = `${Math.floor(now / 86_400_000)} ${hook.endpointId} ${day}`
  const { days } = ports.memory
  const known = days.get(note)
  if (known !== undefined) return known
  if (days.size >= MAX_DAYS) days.clear()
  const item = dayItem(accountId, hook.endpointId, day, now)
  const noted = ports.table.write({ kind: 'put', item }).then(
    () => void days.set(note, 'noted'),
    (error) => {
      days.delete(note)
      throw error
    },
  )
  days.set(note, noted)
  return noted
}

export type QueuePorts = {
  readonly webhookQueue: Queue
  readonly log: Log
  readonly clock: Clock
  readonly table: Table
}

/** An error is only logged: the row has `due`, and the sweep queues what was not queued here. */
export async function queueNext(ports: QueuePorts, accountId: string, hook: Hook, delayMs: number): Promise<void> {
  try {
    await ports.webhookQueue.send([{ body: nextEntry(accountId, hook), delayMs }])
  } catch (error) {
    ports.log.warn('webhook retry is left to the sweep', { event: hook.eventId, error: error as Error })
  }
}

/** Nothing is written about an endpoint that was well before. */
export async function noteSuccess(ports: DispatchPorts, accountId: string, endpoint: Endpoint): Promise<void> {
  if (endpoint.pausedUntil === 0 && endpoint.pauses === 0 && endpoint.failingSince === 0) return
  await setOnEndpoint(ports, accountId, endpoint.id, { pausedUntil: 0, pauses: 0, failingSince: 0 })
}

export async function notePause(
  ports: DispatchPorts,
  accountId: string,
  endpoint: Endpoint,
  pauseMs: number,
): Promise<void> {
  ports.log.warn('webhook endpoint hangs and is paused', { endpoint: endpoint.id, pauseMs })
  const pausedUntil = ports.clock.now() + pauseMs
  await setOnEndpoint(ports, accountId, endpoint.id, { pausedUntil, pauses: endpoint.pauses + 1 })
}

/** The schedule of a delivery ran out. Five days of that without a success between disable the endpoint. */
async function noteGivenUp(ports: DispatchPorts, accountId: string, hook: Hook): Promise<void> {
  const key = endpointKey(accountId, hook.endpointId)
  const mark: Update = {
    kind: 'update',
    key,
    set: { failingSince: hook.since },
    if: [{ attr: 'failingSince', op: '=', value: 0 }],
  }
  const limit = ports.clock.now() - DISABLE_AFTER_MS
  const failing = [
    { attr: 'failingSince', op: '>', value: 0 },
    { attr: 'failingSince', op: '<', value: limit },
  ] as const
  await ifItHolds(ports.table, mark)
  if (await ifItHolds(ports.table, { kind: 'update', key, set: { enabled: false }, if: failing })) {
    ports.log.warn('webhook endpoint is disabled after five days of failures', { endpoint: hook.endpointId })
  }
}

async function setOnEndpoint(ports: DispatchPorts, accountId: string, id: string, set: Attrs): Promise<void> {
  await ifItHolds(ports.table, { kind: 'update', key: endpointKey(accountId, id), set, if: [{ exists: true }] })
}

async function ifItHolds(table: Table, update: Update): Promise<boolean> {
  try {
    await table.write(update)
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
}
