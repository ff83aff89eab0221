/**
 * The transactional outbox. A row that still has work to be done carries `due`: the time from which the sweep looks after
 * it. The row is its own outbox, so a crash may lose its queue entry and nothing else.
 *
 * The sweep queues what a crash left behind, and what is due by schedule. It moves `due` before it queues, by 2, 4, 8 and
 * then 15 minutes, so that a queue with a backlog is not flooded; a crash in between costs one such wait. Several sweeps
 * may run at once: the move is conditional, so one of them queues.
 */
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Outgoing, Queue } from '../ports/queue.ts'
import { type Attrs, type Item, isConditionFailed, StoreError, type Table } from '../ports/table.ts'
import { readRow, row } from './codec.ts'
import {
  DUE_SHARDS,
  duePartition,
  dueShard,
  dueSortKey,
  dueSortKeyUntil,
  outboxKindKey,
  outboxKindPartition,
  type RowKind,
  timeOfDueSortKey,
} from './keys.ts'
import { writeIf } from './once.ts'

/** The kinds of rows that carry `due`. */
export type DueKind = Extract<
  RowKind,
  'sent-message' | 'received-message' | 'upload' | 'event' | 'delivery' | 'storage'
>
/** The queue for the work on a due row, and the entry that asks for it. */
export type DueWork = { readonly queue: Queue; entry(item: Item): string }
type DueWorks = Readonly<Partial<Record<DueKind, DueWork>>>
type SweepPorts = { readonly table: Table; readonly clock: Clock; readonly log: Log }

const LOOK_AHEAD_MS = 60_000
const PAGE = 100
const MAX_PER_PARTITION = 10_000
/** Most partitions are empty, and the sweep waits for the store more than it works. */
const PARTITIONS_AT_ONCE = 16
const MAX_KINDS = 100
const BACKOFF_MINUTES = [2, 4, 8, 15]

/** The index attributes that make a row due at `at` (epoch milliseconds). */
export function dueAt(kind: DueKind, accountId: string, id: string, at: number): Attrs {
  return { gs1pk: duePartition(kind, dueShard(accountId)), gs1sk: dueSortKey(id, at) }
}

/** A row without these is not due. */
export const DUE_ATTRIBUTES = ['gs1pk', 'gs1sk'] as const

/** Epoch milliseconds, if the row is due at all. */
export function dueOf(item: Item): number | undefined {
  return typeof item.gs1sk === 'string' ? timeOfDueSortKey(item.gs1sk) : undefined
}

type Partition = { readonly kind: string; readonly shard: number }
/** Rows that the sweep leaves alone, counted by the reason. */
type LeftAlone = Map<string, number>

/**
 * Queues every row that is due within the next minute, at most 10,000 of each partition, and answers how many. Rows that
 * this version can't read, of a kind or format that it doesn't know, stay due as they are; each sweep logs them as one
 * error a reason. After the signal aborts the sweep begins no further page: the next one does the rest.
 */
export async function sweep(ports: SweepPorts, works: DueWorks, signal?: AbortSignal): Promise<number> {
  const kinds = signal?.aborted ? [] : await allKinds(ports.table, Object.keys(works))
  const shards = [...Array(DUE_SHARDS).keys()]
  const partitions = kinds.flatMap((kind) => shards.map((shard): Partition => ({ kind, shard }))).values()
  const leftAlone: LeftAlone = new Map()
  const faults: unknown[] = []
  let queued = 0
  const worker = async () => {
    for (const partition of partitions) {
      try {
        queued += await sweepPartition(ports, works[partition.kind as DueKind], partition, leftAlone, signal)
      } catch (error) {
        faults.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: PARTITIONS_AT_ONCE }, worker))
  for (const [reason, rows] of leftAlone) ports.log.error('due rows are left alone', { reason, rows })
  if (faults.length > 0) throw faults[0]
  return queued
}

/**
 * The kinds of this version and of any other that has swept this table. Each version notes its kinds there, so that an
 * older one, put back in its place, finds rows that it can't handle.
 */
async function allKinds(table: Table, own: readonly string[]): Promise<readonly string[]> {
  const { items } = await table.query({ pk: outboxKindPartition, limit: MAX_KINDS })
  const noted = items.map(({ sk }) => sk)
  const missing = own.filter((kind) => !noted.includes(kind))
  for (const kind of missing) {
    await table.write({ kind: 'put', item: row('outbox-kind', outboxKindKey(kind), {}) })
  }
  return [...noted, ...missing]
}

async function sweepPartition(
  ports: SweepPorts,
  work: DueWork | undefined,
  { kind, shard }: Partition,
  leftAlone: LeftAlone,
  signal: AbortSignal | undefined,
): Promise<number> {
  const to = dueSortKeyUntil(ports.clock.now() + LOOK_AHEAD_MS)
  let cursor: string | undefined
  let queued = 0
  for (let seen = 0; seen < MAX_PER_PARTITION && !signal?.aborted; seen += PAGE) {
    const query = { pk: duePartition(kind, shard), index: 'gs1', to, limit: PAGE } as const
    const page = await ports.table.query(cursor === undefined ? query : { ...query, cursor })
    if (work === undefined) leave(leftAlone, `rows of the unknown kind ${kind}`, page.items.length)
    else queued += await queueDue(ports, work, await readable(ports.table, kind as DueKind, page.items, leftAlone))
    cursor = page.cursor
    if (cursor === undefined) break
  }
  return queued
}

function leave(leftAlone: LeftAlone, reason: string, rows: number): void {
  if (rows > 0) leftAlone.set(reason, (leftAlone.get(reason) ?? 0) + rows)
}

async function readable(table: Table, kind: DueKind, entries: readonly Item[], leftAlone: LeftAlone) {
  const rows = (await table.getMany(entries)).filter((item) => item !== undefined)
  return rows.filter((item) => {
    try {
      return readRow(kind, item)
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'UnknownFormat')) throw error
      leave(leftAlone, error.message, 1)
      return false
    }
  })
}

async function queueDue(ports: SweepPorts, { queue, entry }: DueWork, rows: readonly Item[]): Promise<number> {
  const now = ports.clock.now()
  const outgoing = rows.map(
    (item): Outgoing => ({ body: entry(item), delayMs: Math.max(0, (dueOf(item) ?? now) - now) }),
  )
  const moved = await Promise.all(rows.map((item) => move(ports, item, now)))
  const ours = outgoing.filter((_, i) => moved[i])
  if (ours.length > 0) await queue.send(ours)
  return ours.length
}

/** False if the row is not due after all: the index is late, or another sweep was here. */
async function move({ table, log }: SweepPorts, item: Item, now: number): Promise<boolean> {
  const due = dueOf(item)
  if (due === undefined || due > now + LOOK_AHEAD_MS) return false
  const sweeps = typeof item.sweeps === 'number' ? item.sweeps : 0
  const minutes = BACKOFF_MINUTES[Math.min(sweeps, BACKOFF_MINUTES.length - 1)] ?? 15
  try {
    await table.write({
      kind: 'update',
      key: { pk: item.pk, sk: item.sk },
      set: { gs1sk: dueSortKey(item.sk, Math.max(now, due) + minutes * 60_000), sweeps: sweeps + 1 },
      if: [{ attr: 'gs1sk', op: '=', value: item.gs1sk as string }],
    })
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    if (!(error instanceof StoreError)) throw error
    log.warn('a due row could not be moved; the next sweep will', { code: error.code })
    return false
  }
}

/** The longest that a due row lies ahead, in milliseconds, for each kind. */
export type LongestWaits = Readonly<Record<DueKind, (item: Item) => number>>

/**
 * Makes every row due now that lies further ahead than a row of its kind ever does: the time of day was set back since it
 * was written. Answers how many. The next sweep queues them.
 */
export async function endLongWaits(ports: SweepPorts, longest: LongestWaits): Promise<number> {
  const now = ports.clock.now()
  let ended = 0
  for (const [kind, longestMs] of Object.entries(longest) as [DueKind, LongestWaits[DueKind]][]) {
    for (let shard = 0; shard < DUE_SHARDS; shard++) {
      for await (const rows of rowsAhead(ports.table, kind, shard, now)) {
        const tooFar = rows.filter((item) => (dueOf(item) ?? 0) > now + longestMs(item))
        ended += (await Promise.all(tooFar.map((item) => endWait(ports.table, item, now)))).filter(Boolean).length
      }
    }
  }
  return ended
}

async function* rowsAhead(table: Table, kind: DueKind, shard: number, now: number): AsyncGenerator<readonly Item[]> {
  const query = { pk: duePartition(kind, shard), index: 'gs1', from: dueSortKeyUntil(now), limit: PAGE } as const
  let cursor: string | undefined
  for (let seen = 0; seen < MAX_PER_PARTITION; seen += PAGE) {
    const page = await table.query(cursor === undefined ? query : { ...query, cursor })
    yield await readable(table, kind, page.items, new Map())
    cursor = page.cursor
    if (cursor === undefined) return
  }
}

/** `notBefore` of a message is a time too. */
function endWait(table: Table, { pk, sk, gs1sk, notBefore }: Item, now: number): Promise<boolean> {
  const set = { gs1sk: dueSortKey(sk, now), sweeps: 0, ...(typeof notBefore === 'number' && { notBefore: now }) }
  return writeIf(table, {
    kind: 'update',
    key: { pk, sk },
    set,
    if: [{ attr: 'gs1sk', op: '=', value: gs1sk as string }],
  })
}
