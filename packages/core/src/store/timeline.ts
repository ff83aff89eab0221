/**
 * Messages lie in partitions of a day and one of 8 shards, so that no account is bound by one partition's rate. The
 * active days of an account are rows of their own, so that a list skips the days on which nothing happened.
 */
import { timeOf } from '../ports/ids.ts'
import type { Item, Key, Table } from '../ports/table.ts'

export type Direction = 'out' | 'in'
/** `after` and `before` are ids, exclusive; at most one of them. Newest first in either case. */
export type ListOptions = { readonly limit: number; readonly after?: string; readonly before?: string }
export type Listed = { readonly items: readonly Item[]; readonly hasMore: boolean }

const SHARDS = 8
const MAX_DAYS = 20
/** Asked of a shard beyond one and a half times its share, so that a second question is rare. */
const SPARE = 3

const DAY_MS = 86_400_000
let lastDay = { number: Number.NaN, text: '' }

/** Nearly every call asks for today. */
function dayOf(id: string): string {
  const number = Math.floor(timeOf(id) / DAY_MS)
  if (number !== lastDay.number) lastDay = { number, text: new Date(number * DAY_MS).toISOString().slice(0, 10) }
  return lastDay.text
}

const partition = (accountId: string, direction: Direction, day: string, shard: number) =>
  `${accountId}#${direction}#${day}#${shard}`

/** Where the row of a message is kept; its id tells. */
export function dayKey(accountId: string, direction: Direction, id: string): Key {
  const shard = Number.parseInt(id.at(-1) ?? '0', 16) % SHARDS
  return { pk: partition(accountId, direction, dayOf(id), shard), sk: id }
}

const MAX_KNOWN_DAYS = 10_000
const knownDays = new WeakMap<Table, Set<string>>()

/** Marks the id's day as active; done before its first message is written. One write a day, account and process. */
export async function putDay(table: Table, accountId: string, direction: Direction, id: string): Promise<void> {
  const known = knownDays.get(table) ?? new Set()
  knownDays.set(table, known)
  const sk = `${direction}#${dayOf(id)}`
  const name = `${accountId}/${sk}`
  if (known.has(name)) return
  await table.write({ kind: 'put', item: { pk: `${accountId}#days`, sk } })
  if (known.size >= MAX_KNOWN_DAYS) known.clear()
  known.add(name)
}

/**
 * One page of messages. Looks at no more than 20 active days; if those do not fill the page, `hasMore` says that
 * others remain.
 */
export async function listDays(
  table: Table,
  accountId: string,
  direction: Direction,
  options: ListOptions,
): Promise<Listed> {
  const reverse = options.before === undefined
  const start = options.after ?? options.before
  const { days, more } = await activeDays(table, accountId, direction, start, reverse)
  const items: Item[] = []
  for (const day of days) {
    const wanted = options.limit + 1 - items.length
    if (wanted <= 0) break
    items.push(
      ...(await mergeShards(table, (shard) => partition(accountId, direction, day, shard), wanted, start, reverse)),
    )
  }
  const page = items.slice(0, options.limit)
  return { items: reverse ? page : page.reverse(), hasMore: items.length > options.limit || more }
}

async function activeDays(
  table: Table,
  accountId: string,
  direction: Direction,
  start: string | undefined,
  reverse: boolean,
) {
  const bound = start === undefined ? undefined : `${direction}#${dayOf(start)}`
  const { items } = await table.query({
    pk: `${accountId}#days`,
    from: reverse || bound === undefined ? `${direction}#` : bound,
    to: reverse && bound !== undefined ? bound : `${direction}#~`,
    reverse,
    limit: MAX_DAYS + 1,
  })
  const days = items.slice(0, MAX_DAYS).map((item) => item.sk.slice(direction.length + 1))
  return { days, more: items.length > MAX_DAYS }
}

/**
 * The first `wanted` rows of a day in order of id, from all shards, beyond `start`. Ids are spread evenly, so a little more
 * than its share is asked of each shard; one whose last row still belongs to the page is asked again, for all that may.
 */
async function mergeShards(
  table: Table,
  pkOf: (shard: number) => string,
  wanted: number,
  start: string | undefined,
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
  const share = Math.min(wanted, Math.ceil((1.5 * wanted) / SHARDS) + SPARE)
  const first = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => read(shard, start, share)))
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
