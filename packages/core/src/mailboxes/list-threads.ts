import type { Item, Table } from '../ports/table.ts'
import { getAll } from '../ports/table-rules.ts'
import { type Box, contentsPartition, threadOrder, threadOrderPrefix } from '../store/mailbox-keys.ts'
import { fillPage, isNewestFirst, type ListPage, type PageOptions, rowsBeyond } from '../store/pages.ts'
import type { JoinedThread, Thread, ThreadFolder } from './model.ts'
import { inBatches, merged } from './ordered-rows.ts'
import { entityOf, threadRef } from './rows.ts'
import { isJoined } from './thread.ts'
import { getThread } from './thread-mails.ts'

export type ThreadFilter = {
  /** All but spam and trash, if absent. */
  readonly folders?: readonly ThreadFolder[]
  /** Ids; a thread has one of them at least. */
  readonly labels?: readonly string[]
  readonly read?: boolean
}

const USUAL: readonly ThreadFolder[] = ['inbox', 'archive', 'sent']
/** Threads that are looked at for a page that has one already. */
const MAX_PASSED_OVER = 2000

/**
 * A page of the threads of a mailbox, that of the newest activity first. `after` and `before` are ids of threads. A page may be
 * short of its limit although the list goes on, if few of many threads pass the filter; it is empty only where the list ends.
 */
export async function listThreads(
  table: Table,
  box: Box,
  filter: ThreadFilter,
  options: PageOptions,
): Promise<ListPage<Thread>> {
  const bounds = await boundsOf(table, box, options)
  if (bounds === undefined) return { items: [], hasMore: false }
  let found = 0
  let isCut = false
  const show = (item: Item) => {
    const thread = shown(item, filter)
    found += Number(thread !== undefined)
    return thread
  }
  async function* rows(): AsyncGenerator<Item> {
    let seen = 0
    for await (const item of threadItems(
      table,
      box,
      merged(listsOf(table, box, filter, bounds ?? options), isNewestFirst(options)),
      options.limit + 1,
    )) {
      isCut = found > 0 && ++seen > MAX_PASSED_OVER
      if (isCut) return
      yield item
    }
  }
  const page = await fillPage(options, rows(), show)
  return { ...page, hasMore: page.hasMore || isCut }
}

/** The bounds as positions in a list; undefined for a thread that is not there. */
async function boundsOf(table: Table, box: Box, options: PageOptions): Promise<PageOptions | undefined> {
  const { limit, after, before } = options
  const edge = after ?? before
  if (edge === undefined) return { limit }
  const thread = await getThread(table, box, edge).catch(() => undefined)
  if (thread?.newest === undefined) return undefined
  const order = threadOrder(thread.newest.receivedAt, thread.id)
  return { limit, ...(after === undefined ? { before: order } : { after: order }) }
}

/** The narrowest lists that have all threads of the filter. */
function listsOf(table: Table, box: Box, { folders = USUAL, labels, read }: ThreadFilter, bounds: PageOptions) {
  const byState = read === false ? ['unread'] : [...new Set(folders)]
  const lists = labels === undefined ? byState : [...new Set(labels)].map((label) => `label:${label}`)
  return lists.map((list) => {
    const prefix = threadOrderPrefix(list)
    return { prefix, rows: rowsBeyond(table, { pk: contentsPartition(box), prefix }, bounds) }
  })
}

/** The rows of threads; one that stands in several lists comes once. */
async function* threadItems(table: Table, box: Box, orders: AsyncIterable<Item>, size: number): AsyncGenerator<Item> {
  let last: string | undefined
  for await (const some of inBatches(orders, size)) {
    const ids = some.map(({ sk }) => sk.slice(sk.lastIndexOf('#') + 1))
    const items = await getAll(
      table,
      [...new Set(ids)].map((id) => threadRef(box, id).key),
    )
    for (const item of items) {
      if (item !== undefined && item.sk !== last) yield item
      last = item?.sk
    }
  }
}

function shown(item: Item, { folders = USUAL, labels, read }: ThreadFilter): Thread | undefined {
  const thread = entityOf<Thread | JoinedThread>({ kind: 'thread' }, item)
  if (isJoined(thread) || thread.emails === 0 || !folders.includes(thread.folder)) return undefined
  if (read !== undefined && read !== (thread.unread === 0)) return undefined
  return labels === undefined || labels.some((label) => thread.labels.includes(label)) ? thread : undefined
}
