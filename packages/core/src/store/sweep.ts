/**
 * The sweep queues what a crash left behind, and what is due by schedule. It moves a row's `due` before it queues, by an
 * hour and twice as much each further time, so that a queue with a backlog gets a row twice in the first hour and is not
 * flooded; what is written to a row's `due` after that begins anew. Several sweeps may run at once: the move is
 * conditional, so one of them queues.
 */
import type { Outgoing } from '../ports/queue.ts'
import { type Item, StoreError, type Table } from '../ports/table.ts'
import { row } from './codec.ts'
import {
  accountOfKey,
  DUE_SHARDS,
  duePartition,
  dueSortKey,
  dueSortKeyUntil,
  outboxKindKey,
  outboxKindPartition,
  timeOfDueSortKey,
} from './keys.ts'
import { writeIf } from './once.ts'
import { type DueKind, type DueWork, dueOf, dueRows, type LeftAlone, leave, type SweepPorts } from './outbox.ts'

type DueWorks = Readonly<Partial<Record<DueKind, DueWork>>>
type Partition = { readonly kind: string; readonly shard: number }
/** One run over one partition. */
type Run = SweepPorts &
  Partition & {
    readonly work: DueWork | undefined
    readonly leftAlone: LeftAlone
    readonly signal: AbortSignal | undefined
  }

const MINUTE = 60_000
const LOOK_AHEAD_MS = MINUTE
/** Rows that are read, moved and queued together, and the parts of a full partition that are worked on at the same time. */
const PART = 100
const PARTS_AT_ONCE = 4
/** Entries of the index, which are keys only. */
const KEYS_PAGE = 1000
const MAX_KEYS = 200_000
const MAX_PER_PARTITION = 50_000
/** Rows of one account that go before the rows of others. */
const FAIR_SHARE = 1000
/** Most partitions are empty, and the sweep waits for the store more than it works. */
const PARTITIONS_AT_ONCE = 16
const MAX_KINDS = 100
const FIRST_BACKOFF_MS = 60 * MINUTE
const MAX_DOUBLINGS = 3
/** The delay of rows that were moved and then not queued. */
const AGAIN_MS = 2 * MINUTE
/** Ten minutes in all. */
const MOVE_BACK_TRIES = 300
const MOVE_BACK_PAUSE_MS = 2000
/** A row that is due for longer, after a sweep, is an error. */
const MAX_LAG_MS = 5 * MINUTE

/** Answers how long the sweep leaves a row alone that it had queued `sweeps` times before. */
export const backoffMs = (sweeps: number): number => FIRST_BACKOFF_MS * 2 ** Math.min(sweeps, MAX_DOUBLINGS)

/**
 * Queues every row that is due within the next minute, at most 50,000 of each partition, and answers how many. The first
 * 1,000 rows of each account go before the rest of any other, so that the backlog of one delays no other. Rows that this
 * version can't read, of a kind or format that it doesn't know, stay due as they are; each sweep logs them as one error a
 * reason. After the signal aborts the sweep begins nothing more: the next one does the rest.
 * @throws {Error} after the sweep, if a partition could not be swept, or what is left has been due for five minutes
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
        const run = { ...ports, ...partition, work: works[partition.kind as DueKind], leftAlone, signal }
        queued += await sweepPartition(run)
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

async function sweepPartition(run: Run): Promise<number> {
  const to = dueSortKeyUntil(run.clock.now() + LOOK_AHEAD_MS)
  const seen = new Map<string, number>()
  let rest: Item | undefined
  let queued = 0
  for await (const keys of pagesOf(run, { to }, MAX_KEYS)) {
    const isFair = keys.map((key) => count(seen, accountOfKey(key)) <= FAIR_SHARE)
    rest ??= keys[isFair.indexOf(false)]
    queued += await queueInParts(
      run,
      keys.filter((_, i) => isFair[i]),
    )
  }
  if (rest === undefined) return queued
  for await (const keys of pagesOf(run, { from: rest.gs1sk as string, to }, MAX_PER_PARTITION - queued)) {
    queued += await queueInParts(run, keys)
  }
  if (run.signal?.aborted || queued >= MAX_PER_PARTITION) await assertNoLag(run)
  return queued
}

function count(seen: Map<string, number>, account: string): number {
  const times = (seen.get(account) ?? 0) + 1
  seen.set(account, times)
  return times
}

/** Pages of index entries in order of time, at most `max` entries in all, until the signal aborts. */
async function* pagesOf(
  { table, kind, shard, signal }: Run,
  bounds: { readonly from?: string; readonly to: string },
  max: number,
): AsyncGenerator<readonly Item[]> {
  const query = { pk: duePartition(kind, shard), index: 'gs1', ...bounds, limit: KEYS_PAGE } as const
  let cursor: string | undefined
  for (let seen = 0; seen < max && !signal?.aborted; seen += KEYS_PAGE) {
    const page = await table.query(cursor === undefined ? query : { ...query, cursor })
    yield page.items
    cursor = page.cursor
    if (cursor === undefined) return
  }
}

/** @throws {Error} if the oldest row of a partition that was not swept to its end has been due for too long */
async function assertNoLag({ table, clock, kind, shard }: Run): Promise<void> {
  const { items } = await table.query({ pk: duePartition(kind, shard), index: 'gs1', limit: 1 })
  const [oldest] = items
  const lagMs = oldest === undefined ? 0 : clock.now() - timeOfDueSortKey(String(oldest.gs1sk))
  if (lagMs > MAX_LAG_MS)
    throw new Error(`the sweep lags: rows of ${kind} have been due for ${Math.round(lagMs / 1000)} seconds`)
}

async function queueInParts(run: Run, keys: readonly Item[]): Promise<number> {
  if (run.work === undefined) leave(run.leftAlone, `rows of the unknown kind ${run.kind}`, keys.length)
  const parts = Array.from({ length: Math.ceil(keys.length / PART) }, (_, i) => keys.slice(i * PART, (i + 1) * PART))
  let queued = 0
  for (let at = 0; at < parts.length && run.work !== undefined && !run.signal?.aborted; at += PARTS_AT_ONCE) {
    const { work } = run
    const some = parts.slice(at, at + PARTS_AT_ONCE).map(async (part) => queueDue(run, work, part))
    for (const one of await Promise.allSettled(some)) {
      if (one.status === 'rejected') throw one.reason
      queued += one.value
    }
  }
  return queued
}

async function queueDue(run: Run, { queue, entry }: DueWork, keys: readonly Item[]): Promise<number> {
  const rows = await dueRows(run.table, run.kind as DueKind, keys, run.leftAlone)
  const now = run.clock.now()
  const moved = await Promise.all(rows.map((item) => move(run, item, now)))
  const ours = rows.filter((_, i) => moved[i])
  if (ours.length === 0) return 0
  const delayMs = (item: Item) => Math.max(0, (dueOf(item) ?? now) - now)
  const outgoing = (item: Item): Outgoing => ({ body: entry(item), delayMs: delayMs(item) })
  try {
    const byQueue = Map.groupBy(ours, (item) => (typeof queue === 'function' ? queue(item) : queue))
    for (const [to, items] of byQueue) await to.send(items.map(outgoing))
  } catch (error) {
    await Promise.allSettled(ours.map((item) => moveBack(run, item, now)))
    throw error
  }
  return ours.length
}

const sweepsOf = ({ sweeps }: Item): number => (typeof sweeps === 'number' ? sweeps : 0)
const movedSortKey = (item: Item, now: number): string =>
  dueSortKey(item.sk, Math.max(now, dueOf(item) ?? 0) + backoffMs(sweepsOf(item)))

/** False if the row is not due after all: the index is late, or another sweep was here. */
async function move({ table, log }: SweepPorts, item: Item, now: number): Promise<boolean> {
  const due = dueOf(item)
  if (due === undefined || due > now + LOOK_AHEAD_MS) return false
  try {
    return await writeIf(table, {
      kind: 'update',
      key: { pk: item.pk, sk: item.sk },
      set: { gs1sk: movedSortKey(item, now), sweeps: sweepsOf(item) + 1 },
      if: [{ attr: 'gs1sk', op: '=', value: item.gs1sk as string }],
    })
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    log.warn('a due row could not be moved; the next sweep will', { code: error.code })
    return false
  }
}

/**
 * Makes a row due again in two minutes that was moved and not queued. A full disk refuses the entry and the row alike, and the
 * row would then wait for an hour, so this tries again for ten minutes or until the signal aborts.
 */
async function moveBack({ table, clock, signal }: Run, item: Item, now: number): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      return await writeIf(table, {
        kind: 'update',
        key: { pk: item.pk, sk: item.sk },
        set: { gs1sk: dueSortKey(item.sk, now + AGAIN_MS), sweeps: sweepsOf(item) },
        if: [{ attr: 'gs1sk', op: '=', value: movedSortKey(item, now) }],
      })
    } catch (error) {
      if (!(error instanceof StoreError) || tries === MOVE_BACK_TRIES || signal?.aborted) throw error
    }
    await clock.sleep(MOVE_BACK_PAUSE_MS, signal)
  }
}
