/**
 * The sweep queues what a crash left behind, and what is due by schedule: sends, deferrals and webhook retries alike.
 * It moves `due` before it queues, by 2, 4, 8 and then 15 minutes, so that a backed-up queue is not flooded, and a crash
 * in between costs one such wait. Several may run at once: the move is conditional, so one of them queues.
 */

import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Outgoing, Queue } from '../ports/queue.ts'
import { type Item, isConditionFailed, StoreError, type Table } from '../ports/table.ts'
import { DUE_SHARDS, dueAt, dueOf, dueUntil } from './due.ts'

export type SweepPorts = { readonly table: Table; readonly clock: Clock; readonly log: Log }
/** What to queue for a due row, by the row's `kind`; undefined for nothing. */
export type DueKind = { readonly queue: Queue; entry(item: Item): string | undefined }

const LOOK_AHEAD_MS = 60_000
const PAGE = 100
const MAX_PER_SHARD = 1000
/** Shards at a time: most minutes all of them are empty, and what is left to do is wait for the answers. */
const LANES = 8
const BACKOFF_MINUTES = [2, 4, 8, 15]

/**
 * Queues every row that is due within the next minute, at most 1,000 of each of 16 shards. Answers how many. Once the
 * signal aborts no further page is begun: the next sweep does the rest.
 */
export async function sweep(
  ports: SweepPorts,
  kinds: Readonly<Record<string, DueKind>>,
  signal?: AbortSignal,
): Promise<number> {
  const lanes = Array.from({ length: LANES }, async (_, lane) => {
    let queued = 0
    for (let shard = lane; shard < DUE_SHARDS; shard += LANES) queued += await sweepShard(ports, kinds, shard, signal)
    return queued
  })
  // A lane that fails does not leave the others at work behind the caller's back.
  const outcomes = await Promise.allSettled(lanes)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return outcomes.reduce((sum, outcome) => sum + (outcome.status === 'fulfilled' ? outcome.value : 0), 0)
}

async function sweepShard(
  ports: SweepPorts,
  kinds: Readonly<Record<string, DueKind>>,
  shard: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const to = dueUntil(ports.clock.now() + LOOK_AHEAD_MS)
  let cursor: string | undefined
  let queued = 0
  for (let seen = 0; seen < MAX_PER_SHARD && !signal?.aborted; seen += PAGE) {
    const query = { pk: `due#${shard}`, index: 'gs1', to, limit: PAGE } as const
    const page = await ports.table.query(cursor === undefined ? query : { ...query, cursor })
    const rows = await ports.table.getMany(page.items)
    queued += await queueDue(
      ports,
      kinds,
      rows.filter((row) => row !== undefined),
    )
    cursor = page.cursor
    if (cursor === undefined) break
  }
  return queued
}

async function queueDue(ports: SweepPorts, kinds: Readonly<Record<string, DueKind>>, rows: readonly Item[]) {
  const outgoing = new Map<Queue, Outgoing[]>()
  const now = ports.clock.now()
  const moved = await Promise.all(rows.map((row) => move(ports, row, now)))
  for (const [index, row] of rows.entries()) {
    const kind = kinds[String(row.kind)]
    const body = moved[index] ? kind?.entry(row) : undefined
    if (kind === undefined || body === undefined) continue
    const messages = outgoing.get(kind.queue) ?? []
    messages.push({ body, delayMs: Math.max(0, (dueOf(row) ?? now) - now) })
    outgoing.set(kind.queue, messages)
  }
  for (const [queue, messages] of outgoing) await queue.send(messages)
  return [...outgoing.values()].reduce((sum, messages) => sum + messages.length, 0)
}

/** False if the row is not due after all: the index is late, or another sweep was here. */
async function move(ports: SweepPorts, row: Item, now: number): Promise<boolean> {
  const due = dueOf(row)
  if (due === undefined || due > now + LOOK_AHEAD_MS) return false
  const sweeps = typeof row.sweeps === 'number' ? row.sweeps : 0
  const minutes = BACKOFF_MINUTES[Math.min(sweeps, BACKOFF_MINUTES.length - 1)] ?? 15
  try {
    await ports.table.write({
      kind: 'update',
      key: { pk: row.pk, sk: row.sk },
      set: { ...dueAt(row.sk, Math.max(now, due) + minutes * 60_000), sweeps: sweeps + 1 },
      if: [{ attr: 'gs1sk', op: '=', value: row.gs1sk as string }],
    })
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    if (!(error instanceof StoreError)) throw error
    ports.log.warn('a due row could not be moved; the next sweep will', { code: error.code })
    return false
  }
}
