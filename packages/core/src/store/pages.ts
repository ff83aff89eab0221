/** The one paginator. Lists are paged by the id of a row: `after` asks for what follows it in the list, `before` for what stands before it. */
import type { Log } from '../ports/log.ts'
import { type Item, StoreError, type Table } from '../ports/table.ts'

/** `after` and `before` are ids, exclusive; at most one of them. */
export type PageOptions = { readonly limit: number; readonly after?: string; readonly before?: string }
/** A row that this version cannot read, and why: its kind is in the error. */
export type Skipped = { readonly key: string; readonly error: StoreError }
/** A page in the order of the list, in both directions. `hasMore`: the list goes on in the direction that was asked for. */
export type ListPage<T> = {
  readonly items: readonly T[]
  readonly hasMore: boolean
  /** Rows among these that cannot be read, if there are any. The caller logs them; the rest is shown. */
  readonly skipped?: readonly Skipped[]
}

/** Rows of a partition whose sort keys are ids: all of them, or those of a prefix. */
type IdRows = { readonly pk: string; readonly prefix?: string }

/** Rows of a query after the first, when most rows are passed over. */
const LATER_READ = 100

/** True if a page is read from the newest row to the oldest, which is also the order of the list. */
export const isNewestFirst = ({ before }: Pick<PageOptions, 'before'>): boolean => before === undefined

/**
 * Fills a page from rows that come in the direction of reading. Rows that `show` answers undefined for are passed over, so
 * a page is only short where the list ends.
 */
export async function fillPage<T>(
  options: PageOptions,
  rows: AsyncIterable<Item>,
  show: (item: Item) => T | undefined,
): Promise<ListPage<T>> {
  const found: T[] = []
  const skipped: Skipped[] = []
  for await (const item of rows) {
    const shown = shownUnlessUnreadable(item, show, skipped)
    if (shown !== undefined) found.push(shown)
    if (found.length > options.limit) break
  }
  const items = found.slice(0, options.limit)
  return {
    items: isNewestFirst(options) ? items : items.reverse(),
    hasMore: found.length > options.limit,
    ...(skipped.length > 0 && { skipped }),
  }
}

/** Shows each of some rows, without those that cannot be read. */
export function readableRows<T>(
  rows: readonly Item[],
  show: (item: Item) => T,
): Pick<ListPage<T>, 'items' | 'skipped'> {
  const skipped: Skipped[] = []
  const items = rows.flatMap((item) => shownUnlessUnreadable(item, show, skipped) ?? [])
  return { items, ...(skipped.length > 0 && { skipped }) }
}

/** Answers the page and logs each row that it had to leave out. */
export function loggedPage<Page extends Pick<ListPage<unknown>, 'skipped'>>(
  { log }: { readonly log: Log },
  page: Page,
): Page {
  for (const { key, error } of page.skipped ?? []) {
    log.error('a row cannot be read and is left out of a list', { row: key, error })
  }
  return page
}

function shownUnlessUnreadable<T>(item: Item, show: (item: Item) => T | undefined, skipped: Skipped[]): T | undefined {
  try {
    return show(item)
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'UnknownFormat')) throw error
    skipped.push({ key: `${item.pk} ${item.sk}`, error })
    return undefined
  }
}

/** A page of one partition, newest first. @throws {StoreError} */
export function listRows<T>(
  table: Table,
  partition: IdRows,
  options: PageOptions,
  show: (item: Item) => T | undefined,
): Promise<ListPage<T>> {
  return fillPage(options, rowsBeyond(table, partition, options), show)
}

/** The rows of a partition beyond `after` or `before`, read in pages as they are asked for. */
export async function* rowsBeyond(
  table: Table,
  { pk, prefix = '' }: IdRows,
  options: PageOptions,
): AsyncGenerator<Item> {
  const { limit, after, before } = options
  const bounds = boundsOf(prefix, after, before)
  // Bounds of a query are inclusive, and one row more tells whether the list goes on.
  const query = { pk, ...bounds, reverse: isNewestFirst(options), limit: limit + 2 }
  let cursor: string | undefined
  do {
    const page = await table.query(cursor === undefined ? query : { ...query, limit: LATER_READ, cursor })
    for (const item of page.items) if (item.sk !== prefix + (after ?? before)) yield item
    cursor = page.cursor
  } while (cursor !== undefined)
}

function boundsOf(prefix: string, after: string | undefined, before: string | undefined) {
  if (after === undefined && before === undefined) return prefix === '' ? {} : { prefix }
  if (after !== undefined) return { ...(prefix !== '' && { from: prefix }), to: prefix + after }
  return { from: prefix + before, ...(prefix !== '' && { to: `${prefix}~` }) }
}

/** A page of a list that is in memory whole, in its own order. An id that is not in the list has nothing after or before it. */
export function pageOfList<T extends { readonly id: string }>(
  list: readonly T[],
  { limit, after, before }: PageOptions,
): ListPage<T> {
  const at = list.findIndex(({ id }) => id === (after ?? before))
  if (before !== undefined) {
    const earlier = list.slice(0, Math.max(0, at))
    return { items: earlier.slice(-limit), hasMore: earlier.length > limit }
  }
  const later = after === undefined ? list : at < 0 ? [] : list.slice(at + 1)
  return { items: later.slice(0, limit), hasMore: later.length > limit }
}
