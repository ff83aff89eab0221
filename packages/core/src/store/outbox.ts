/**
 * The transactional outbox. A row that still has work to be done carries `due`: the time from which the sweep looks after
 * it (sweep.ts). The row is its own outbox, so a crash may lose its queue entry and nothing else.
 */
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import { type Attrs, type Item, StoreError, type Table } from '../ports/table.ts'
import { readRow } from './codec.ts'
import {
  DUE_SHARDS,
  duePartition,
  dueShard,
  dueSortKey,
  dueSortKeyUntil,
  type RowKind,
  timeOfDueSortKey,
} from './keys.ts'
import { writeIf } from './once.ts'

/** The kinds of rows that carry `due`. */
export type DueKind = Extract<
  RowKind,
  | 'sent-message'
  | 'received-message'
  | 'appended-message'
  | 'mailbox-job'
  | 'upload'
  | 'event'
  | 'delivery'
  | 'storage'
  | 'waiting-entry'
>
/** The queue for the work on a due row, which may depend on the row, and the entry that asks for it. */
export type DueWork = { readonly queue: Queue | ((item: Item) => Queue); entry(item: Item): string }
export type SweepPorts = { readonly table: Table; readonly clock: Clock; readonly log: Log }

const PAGE = 100
const MAX_AHEAD = 10_000

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

/** Rows that the sweep leaves alone, counted by the reason. */
export type LeftAlone = Map<string, number>

export function leave(leftAlone: LeftAlone, reason: string, rows: number): void {
  if (rows > 0) leftAlone.set(reason, (leftAlone.get(reason) ?? 0) + rows)
}

/** The rows of at most 100 entries of the index. Rows of another format are left alone. */
export async function dueRows(
  table: Table,
  kind: DueKind,
  entries: readonly Item[],
  leftAlone: LeftAlone,
): Promise<readonly Item[]> {
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
  for (let seen = 0; seen < MAX_AHEAD; seen += PAGE) {
    const page = await table.query(cursor === undefined ? query : { ...query, cursor })
    yield await dueRows(table, kind, page.items, new Map())
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
