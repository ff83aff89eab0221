/**
 * Rows that are listed by time. They are in partitions of a day and one of 8 shards, so that no account is bound by the
 * rate of one partition. The active days are rows of their own, so that a list skips the days on which nothing happened;
 * a list reads on through them until the page is full or the days end.
 */
import type { Clock } from '../ports/clock.ts'
import { timeOf } from '../ports/ids.ts'
import type { Item, Table } from '../ports/table.ts'
import type { Caches } from './cache.ts'
import { row } from './codec.ts'
import { DAY_SHARDS, type Direction, dayKey, dayOfId, dayPartition, dayPrefix, messagePartition } from './keys.ts'
import { putIfAbsent, writeIf } from './once.ts'
import { fillPage, isNewestFirst, type ListPage, type PageOptions, rowsBeyond } from './pages.ts'

export type TimelinePorts = { readonly table: Table; readonly clock: Clock }
/** The places of the rows of a list. */
export type Timeline = {
  /** Prefix of the sort keys of its days, which end in the day. */
  readonly daysOf: { readonly kind: 'day' | 'delivery-day'; readonly pk: string; readonly prefix: string }
  partition(day: string, shard: number): string
  /** The day of a row, by its sort key. */
  dayOf(id: string): string
}

const DAY_MS = 86_400_000
/** A message is usually stored sooner after its acceptance, which its id tells. */
const LATE_MS = 60_000
/** The longest time between the writes of a day's row and of its message. */
const GRACE_MS = 3_600_000
/** Rows asked of a shard beyond one and a half times its share, so that a second question is rare. */
const SPARE = 3

const messageTimeline = (accountId: string, direction: Direction): Timeline => ({
  daysOf: { kind: 'day', pk: dayPartition(accountId), prefix: dayPrefix(direction) },
  partition: (day, shard) => messagePartition(accountId, direction, day, shard),
  dayOf: dayOfId,
})

/**
 * Marks the day of a message as active; done before the message's row is written. A day that is not over costs one write
 * for each process. A late message writes every time: rows of past days may go, and a row that is written anew has the
 * octets of its day counted from the beginning.
 */
export async function putDay(
  { table, clock, caches }: TimelinePorts & { readonly caches: Caches },
  accountId: string,
  direction: Direction,
  id: string,
): Promise<void> {
  const key = dayKey(accountId, direction, dayOfId(id))
  const now = clock.now()
  const isLate = isOver(dayOfId(id), now) || now - timeOf(id) > LATE_MS
  const item = row('day', key, { at: now })
  if (isLate) await table.write({ kind: 'put', item })
  else await caches.days.get(key, () => putIfAbsent(table, item).then(() => 'noted'))
}

/** Has the octets of a message's day counted anew, because the message is being deleted. */
export async function recountDay(
  { table, clock }: TimelinePorts,
  accountId: string,
  direction: Direction,
  id: string,
): Promise<void> {
  const item = row('day', dayKey(accountId, direction, dayOfId(id)), { at: clock.now() })
  await writeIf(table, { kind: 'put', item, if: [{ exists: true }] })
}

/** The days of an account's messages, the newest first. */
export function dayRows(table: Table, accountId: string, direction: Direction): AsyncGenerator<Item> {
  return rowsBeyond(table, messageTimeline(accountId, direction).daysOf, { limit: 100 })
}

/** The first `wanted` rows of a day after the id `from`, in their order. */
export function rowsOfDay(
  table: Table,
  day: {
    readonly accountId: string
    readonly direction: Direction
    readonly day: string
    readonly from: string | undefined
    readonly wanted: number
  },
): Promise<readonly Item[]> {
  const pkOf = (shard: number) => messagePartition(day.accountId, day.direction, day.day, shard)
  return mergeShards(table, pkOf, day.wanted, day.from, false)
}

/** True if a UTC day has ended at a time in epoch milliseconds. */
export const isOver = (day: string, now: number) => now >= Date.parse(day) + DAY_MS

/**
 * A page of messages, newest first. Rows that `show` answers undefined for are passed over.
 * The row of a day whose last message is gone goes too. That is safe beside a message that comes late: `putDay` renews
 * the row's time before the message is written, the deletion is conditional on the time that was read before the day was
 * found empty, and it leaves rows alone that were renewed within the hour.
 */
export function listMessagesByDay<T>(
  ports: TimelinePorts,
  accountId: string,
  direction: Direction,
  options: PageOptions,
  show: (item: Item) => T | undefined,
): Promise<ListPage<T>> {
  return fillPage(options, messageRows(ports, accountId, direction, options), show)
}

/** The rows of messages of one direction beyond `after` or `before`, which the caller reads as far as it likes. */
export function messageRows(
  ports: TimelinePorts,
  accountId: string,
  direction: Direction,
  options: PageOptions,
): AsyncGenerator<Item> {
  const emptied = (day: string, dayRow: Item) => deleteDay(ports, day, dayRow)
  return timelineRows(ports.table, messageTimeline(accountId, direction), options, emptied)
}

async function deleteDay({ table, clock }: TimelinePorts, day: string, { pk, sk, at }: Item): Promise<void> {
  const until = clock.now() - GRACE_MS
  if (!isOver(day, until) || typeof at !== 'number' || at > until) return
  await writeIf(table, { kind: 'delete', key: { pk, sk }, if: [{ attr: 'at', op: '=', value: at }] })
}

/** The rows of a timeline beyond `after` or `before`. `emptied` gets each day that has none. */
export async function* timelineRows(
  table: Table,
  timeline: Timeline,
  options: PageOptions,
  emptied: (day: string, dayRow: Item) => Promise<void> = async () => {},
): AsyncGenerator<Item> {
  const { daysOf, dayOf, partition } = timeline
  const edge = options.after ?? options.before
  const reverse = isNewestFirst(options)
  // One more than the page, less what was answered already.
  let wanted = options.limit + 1
  for await (const dayRow of activeDays(table, timeline, options)) {
    const day = dayRow.sk.slice(daysOf.prefix.length)
    const isEdge = edge !== undefined && dayOf(edge) === day
    let from = isEdge ? edge : undefined
    let dayGoesOn = true
    while (dayGoesOn) {
      const rows = await mergeShards(table, (shard) => partition(day, shard), wanted, from, reverse)
      if (from === undefined && rows.length === 0) await emptied(day, dayRow)
      yield* rows
      dayGoesOn = rows.length === wanted
      wanted = dayGoesOn ? options.limit + 1 : wanted - rows.length
      from = rows.at(-1)?.sk
    }
  }
}

/** The day of the edge comes first: rows beyond it may be in it. The key alone tells the day, so a damaged row hides none. */
async function* activeDays(table: Table, { daysOf, dayOf }: Timeline, options: PageOptions): AsyncGenerator<Item> {
  const { after, before, limit } = options
  const edge = after ?? before
  const bounds = {
    ...(after !== undefined && { after: dayOf(after) }),
    ...(before !== undefined && { before: dayOf(before) }),
  }
  if (edge !== undefined) {
    const own = await table.get({ pk: daysOf.pk, sk: `${daysOf.prefix}${dayOf(edge)}` })
    if (own !== undefined) yield own
  }
  for await (const item of rowsBeyond(table, daysOf, { limit, ...bounds })) yield item
}

/**
 * The first `wanted` rows of a day in order of id, from all shards, beyond `edge`. Ids are spread evenly, so a little more
 * than its share is asked of each shard; one whose last row still belongs to the page is asked again, for all that may.
 */
async function mergeShards(
  table: Table,
  pkOf: (shard: number) => string,
  wanted: number,
  edge: string | undefined,
  reverse: boolean,
): Promise<readonly Item[]> {
  const order = reverse ? -1 : 1
  const inOrder = (a: Item, b: Item) => (a.sk < b.sk ? -order : order)
  const read = async (shard: number, from: string | undefined, most: number): Promise<ShardRows> => {
    const bound = from === undefined ? {} : reverse ? { to: from } : { from }
    // One more, since the bound is inclusive and its row may be there.
    const { items } = await table.query({ pk: pkOf(shard), ...bound, reverse, limit: most + 1 })
    return { shard, items: items.filter(({ sk }) => sk !== from).slice(0, most), more: items.length > most }
  }
  const share = Math.min(wanted, Math.ceil((1.5 * wanted) / DAY_SHARDS) + SPARE)
  const first = await Promise.all(Array.from({ length: DAY_SHARDS }, (_, shard) => read(shard, edge, share)))
  const page = first.flatMap(({ items }) => items).sort(inOrder)
  const last = page[wanted - 1]
  const short = first.filter(({ items, more }) => more && isWithin(items.at(-1), last, inOrder))
  const rest = await Promise.all(short.map(({ shard, items }) => read(shard, items.at(-1)?.sk, wanted - items.length)))
  return [...page, ...rest.flatMap(({ items }) => items)].sort(inOrder).slice(0, wanted)
}

type ShardRows = { readonly shard: number; readonly items: readonly Item[]; readonly more: boolean }

/** May rows that follow `item` come before `last`, the end of the page as it is known so far? */
const isWithin = (item: Item | undefined, last: Item | undefined, inOrder: (a: Item, b: Item) => number) =>
  item !== undefined && (last === undefined || inOrder(item, last) <= 0)
