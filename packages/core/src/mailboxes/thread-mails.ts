/** Reads the messages of a thread, also of those that were joined to it. */
import { MailError } from '../errors.ts'
import type { Item, Table } from '../ports/table.ts'
import { getAll } from '../ports/table-rules.ts'
import { type Box, contentsPartition, threadMailOrder, threadMailPrefix } from '../store/mailbox-keys.ts'
import { fillPage, type ListPage, type PageOptions, rowsBeyond } from '../store/pages.ts'
import { isVisible, type Placement, type Thread } from './model.ts'
import { inBatches, merged } from './ordered-rows.ts'
import { entityOf, placementRef, placeRef, type RowRef, type ThreadMail, threadRef } from './rows.ts'
import { isJoined } from './thread.ts'

const MAIL: Pick<RowRef<ThreadMail>, 'kind' | 'entity'> = { kind: 'thread-mail' }
const MAX_JOINS = 100

/** The thread of an id, which may be that of a thread that was joined to another. @throws {MailError} `not_found` */
export async function getThread(table: Table, box: Box, id: string): Promise<Thread> {
  const found = await findThread(table, box, id)
  if (found === undefined || found.emails === 0) throw new MailError('not_found', 'Thread not found')
  return found
}

async function findThread(table: Table, box: Box, id: string): Promise<Thread | undefined> {
  let at = id
  for (let joins = 0; joins < MAX_JOINS; joins++) {
    const ref = threadRef(box, at)
    const item = await table.get(ref.key)
    const thread = item && entityOf(ref, item)
    if (thread === undefined || !isJoined(thread)) return thread
    at = thread.into
  }
  return undefined
}

/** The placement of a message, by its id; undefined if it is not in the mailbox any more. */
export async function findMessage(table: Table, box: Box, id: string): Promise<Placement | undefined> {
  const ref = placeRef(box, id)
  const item = await table.get(ref.key)
  const place = item && entityOf(ref, item)
  if (place === undefined || 'expungedAt' in place) return undefined
  const placed = placementRef(box, place)
  const found = await table.get(placed.key)
  const placement = found && entityOf(placed, found)
  return placement?.id === id ? placement : undefined
}

/**
 * A page of the messages of a thread that are not \Deleted, oldest first. `after` and `before` are ids of messages.
 * @throws {MailError} `not_found`
 */
export async function listThreadMails(
  table: Table,
  box: Box,
  threadId: string,
  options: PageOptions,
): Promise<ListPage<Placement>> {
  const thread = await getThread(table, box, threadId)
  const edgeId = options.after ?? options.before
  const edge = edgeId === undefined ? undefined : await findMessage(table, box, edgeId)
  if (edgeId !== undefined && edge === undefined) return { items: [], hasMore: false }
  const order = edge === undefined ? '' : threadMailOrder(edge.receivedAt, edge.id)
  // The oldest comes first, so what follows a message in the list are the rows before which it stands.
  const read = { limit: options.limit, ...(options.before === undefined ? { before: order } : { after: order }) }
  const items = placementItems(table, box, mailItems(table, box, thread, read), options.limit + 1)
  return fillPage(options, items, visibleOf)
}

function visibleOf(item: Item): Placement | undefined {
  const placement = entityOf<Placement>({ kind: 'placement' }, item)
  return isVisible(placement) ? placement : undefined
}

const mailItems = (table: Table, box: Box, { id, merged: others }: Thread, read: PageOptions) =>
  merged(
    [id, ...others].map((thread) => {
      const prefix = threadMailPrefix(thread)
      return { prefix, rows: rowsBeyond(table, { pk: contentsPartition(box), prefix }, read) }
    }),
    read.before === undefined,
  )

/** The placements of rows of a thread, without those that are of another message by now. */
async function* placementItems(table: Table, box: Box, mails: AsyncIterable<Item>, size: number): AsyncGenerator<Item> {
  for await (const some of inBatches(mails, size)) {
    const keys = some.map((item) => placementRef(box, entityOf(MAIL, item)).key)
    const items = await getAll(table, keys)
    for (const [i, item] of items.entries()) {
      if (item !== undefined && some[i]?.sk.endsWith(String(item.id))) yield item
    }
  }
}

/** All messages of a thread, \Deleted ones too. */
export async function allMails(table: Table, box: Box, thread: Thread): Promise<readonly Placement[]> {
  const mails: Placement[] = []
  const items = placementItems(table, box, mailItems(table, box, thread, { limit: 100, before: '' }), 100)
  for await (const item of items) mails.push(entityOf<Placement>({ kind: 'placement' }, item))
  return mails
}
