/**
 * Sums what an account stores: its messages with their content, and its uploads. Each day keeps its own sum, and the id up
 * to which it counts, in the row of the day. So an hour reads the messages that are new, and those of days from which
 * messages were deleted or to which some came late; `putDay` and `recountDay` make such a day begin again.
 */
import type { Clock } from '../ports/clock.ts'
import { timeOf } from '../ports/ids.ts'
import type { Item, Table } from '../ports/table.ts'
import { formatOf } from '../store/codec.ts'
import { DAY_SHARDS, type Direction, storageKey, uploadPartition } from '../store/keys.ts'
import { writeIf } from '../store/once.ts'
import { dueAt } from '../store/outbox.ts'
import { dayRows, isOver, rowsOfDay } from '../store/timeline.ts'
import { hasNoContent, isDeleted } from './rows.ts'

export type MeasurePorts = { readonly table: Table; readonly clock: Clock }

export const MEASURED_EVERY_MS = 3_600_000
/** The rest of a sum that is not done is a wait in the row like any other. */
const GO_ON_MS = 60_000
/** Rows that are read before the sum waits for its next turn. */
const MAX_ROWS = 50_000
const PAGE = 800
/** Younger messages are counted an hour later, since the row of an older one may still be on its way. */
const SETTLED_MS = 5 * 60_000
/** A day that is over by this long gets no more messages that are not late. */
const CLOSED_MS = 3_600_000
const MAX_UPLOADS_READ = 1000

/**
 * Sums, and makes the next sum due: in an hour, or in a minute if this one is not done, or `isMoreToDo` in the hour's work.
 * Repeating it is no error.
 */
export async function measureStorage(
  ports: MeasurePorts,
  accountId: string,
  signal: AbortSignal,
  isMoreToDo = false,
): Promise<void> {
  const { table, clock } = ports
  const key = storageKey(accountId)
  const budget = { rows: MAX_ROWS }
  let bytes = await uploadedSizes(table, accountId)
  for (const direction of ['in', 'out'] as const) {
    for await (const day of dayRows(table, accountId, direction)) {
      bytes += await countDay(ports, { accountId, direction, day, budget, signal })
    }
  }
  const done = budget.rows > 0 && !signal.aborted
  const due = dueAt('storage', accountId, key.sk, clock.now() + (done && !isMoreToDo ? MEASURED_EVERY_MS : GO_ON_MS))
  const set = { ...formatOf('storage'), ...(done && { bytes }), ...due, sweeps: 0 }
  await table.write({ kind: 'update', key, set })
}

async function uploadedSizes(table: Table, accountId: string): Promise<number> {
  const { items } = await table.query({ pk: uploadPartition(accountId), limit: MAX_UPLOADS_READ })
  return items.reduce((sum, { size }) => sum + numberOf(size), 0)
}

type Counting = {
  readonly accountId: string
  readonly direction: Direction
  readonly day: Item
  readonly budget: { rows: number }
  readonly signal: AbortSignal
}

/** Answers the octets of a day as far as they are counted, and keeps them in its row unless it changed meanwhile. */
async function countDay({ table, clock }: MeasurePorts, counting: Counting): Promise<number> {
  const { accountId, direction, day: row, budget, signal } = counting
  const day = row.sk.slice(-'2026-01-31'.length)
  const now = clock.now()
  let [bytes, countedTo] = [numberOf(row.bytes), typeof row.countedTo === 'string' ? row.countedTo : undefined]
  let closed = row.closed === true
  while (!closed && budget.rows > 0 && !signal.aborted) {
    const rows = await rowsOfDay(table, { accountId, direction, day, from: countedTo, wanted: PAGE })
    budget.rows -= rows.length + DAY_SHARDS
    const settled = rows.filter(({ sk }) => timeOf(sk) < now - SETTLED_MS)
    bytes += settled.reduce((sum, item) => sum + sizeOf(item), 0)
    countedTo = settled.at(-1)?.sk ?? countedTo
    if (settled.length === PAGE) await clock.turn()
    else {
      closed = isOver(day, now - CLOSED_MS)
      break
    }
  }
  const set = { bytes, ...(countedTo !== undefined && { countedTo }), ...(closed && { closed }) }
  const changed = bytes !== row.bytes || countedTo !== row.countedTo || closed !== (row.closed === true)
  if (changed && typeof row.at === 'number') {
    await writeIf(table, { kind: 'update', key: row, set, if: [{ attr: 'at', op: '=', value: row.at }] })
  }
  return bytes
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0)

function sizeOf(item: Item): number {
  return isDeleted(item) || hasNoContent(item) ? 0 : numberOf(item.size)
}
