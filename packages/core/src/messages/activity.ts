/** Sent and received messages of an account in one list, and what changed in it. */
import { createHash } from 'node:crypto'
import type { Item, Table } from '../ports/table.ts'
import { type MessageRef, messageOfKey, receivedMessageKey, sentMessageKey } from '../store/keys.ts'
import { fillPage, type ListPage, readableRows } from '../store/pages.ts'
import { messageRows, type TimelinePorts } from '../store/timeline.ts'
import type { ChangeLog } from './change-log.ts'
import type { Message } from './message.ts'
import { isContentDeleted, isDeleted, receivedOf, sentOf } from './rows.ts'

export type ActivityOptions = {
  readonly limit: number
  /** An id of either kind, exclusive: what follows it in the list. */
  readonly after?: string
  readonly directions: readonly MessageRef['direction'][]
  /** Lists sent messages, too, whose content was deleted. @default false */
  readonly deleted?: boolean
  /** @default every message */
  readonly matches?: ((message: Message) => boolean) | undefined
}
/** The list goes on from `next`, which is undefined at its end. */
export type ActivityPage = Pick<ListPage<Message>, 'items' | 'skipped'> & { readonly next?: string }

/** Rows that one page looks at, so that a filter that matches little answers in time. */
const MOST_LOOKED_AT = 2000
/** Rows that a filter asks for at once. */
const ROWS_AT_ONCE = 100

/** A page of messages, newest first, that `matches`. It may be short before the end of the list. */
export async function listActivity(
  ports: TimelinePorts,
  accountId: string,
  { limit, after, directions, deleted = false, matches }: ActivityOptions,
): Promise<ActivityPage> {
  const reading = { limit: matches === undefined ? limit : ROWS_AT_ONCE, ...(after !== undefined && { after }) }
  const looked = { rows: 0, last: '' }
  const rows = inOneList(directions.map((direction) => messageRows(ports, accountId, direction, reading)))
  const show = (item: Item) => {
    const message = !deleted && isContentDeleted(item) ? undefined : messageOf(item)
    return message !== undefined && (matches?.(message) ?? true) ? message : undefined
  }
  const { items, hasMore, skipped } = await fillPage({ limit }, firstOf(rows, looked), show)
  const next = hasMore ? items.at(-1)?.id : looked.rows === MOST_LOOKED_AT ? looked.last : undefined
  return { items, ...(next !== undefined && { next }), ...(skipped && { skipped }) }
}

/** Undefined for a received message that was deleted. */
function messageOf(item: Item): Message | undefined {
  if (messageOfKey(item)?.direction === 'out') return sentOf(item)
  return isDeleted(item) ? undefined : receivedOf(item)
}

async function* inOneList(lists: readonly AsyncGenerator<Item>[]): AsyncGenerator<Item> {
  const heads = await Promise.all(lists.map((list) => list.next()))
  for (;;) {
    const ids = heads.map(({ done, value }) => (done ? '' : (value as Item).sk))
    const newest = ids.indexOf(ids.reduce((a, b) => (a > b ? a : b), ''))
    const [list, head] = [lists[newest], heads[newest]]
    if (list === undefined || head === undefined || head.done) return
    yield head.value
    heads[newest] = await list.next()
  }
}

async function* firstOf(rows: AsyncIterable<Item>, looked: { rows: number; last: string }): AsyncGenerator<Item> {
  for await (const item of rows) {
    looked.rows++
    looked.last = item.sk
    yield item
    if (looked.rows === MOST_LOOKED_AT) return
  }
}

/** New and changed messages, ids of deleted ones, and the cursor from which the next call goes on. */
export type ActivityChanges = Pick<ListPage<Message>, 'items' | 'skipped'> & {
  readonly deleted: readonly string[]
  readonly cursor: string
}
export interface Changes {
  /** Answers the cursor from which changes are told that happen from now on. */
  cursor(accountId: string): Promise<string>
  /** The changes after a cursor. Undefined if the cursor is not known any more: the list has to be loaded again. */
  after(accountId: string, cursor: string): Promise<ActivityChanges | undefined>
  /** Waits for a change after a cursor; absent where a caller can only ask again. */
  wait?(accountId: string, cursor: string, ms: number, signal: AbortSignal): Promise<void>
  /** Tells after how many milliseconds a caller should ask again. */
  readonly retryMs: number
}

const CHANGES_AT_ONCE = 100

/** Changes as the process that makes them knows them. */
export function loggedChanges(table: Table, log: ChangeLog): Changes {
  return {
    retryMs: 0,
    cursor: async (accountId) => log.cursor(accountId),
    async after(accountId, cursor) {
      const changed = log.after(accountId, cursor, CHANGES_AT_ONCE)
      return changed && { ...(await readAll(table, accountId, changed.messages)), cursor: changed.cursor }
    },
    wait: (...call) => log.wait(...call),
  }
}

async function readAll(table: Table, accountId: string, refs: readonly MessageRef[]) {
  const keys = refs.map(({ direction, id }) =>
    (direction === 'out' ? sentMessageKey : receivedMessageKey)(accountId, id),
  )
  const rows = keys.length === 0 ? [] : await table.getMany(keys)
  const isThere = (item: Item | undefined) => item !== undefined && !isDeleted(item) && !isContentDeleted(item)
  const deleted = refs.filter((_, n) => !isThere(rows[n])).map(({ id }) => id)
  return {
    ...readableRows(
      rows.filter((item) => item !== undefined && isThere(item)) as readonly Item[],
      (item) => messageOf(item) as Message,
    ),
    deleted,
  }
}

/** A cursor names this many messages. */
const WINDOW = 50
const POLL_MS = 3000
/** Bytes of a hash in a cursor. */
const HASH_BYTES = 5

/**
 * Changes among the newest 50 messages, found by comparing them with what the caller has seen: its cursor holds a short
 * hash of the state of each. Nothing waits, since a function is paid for while it waits. Deleted sent messages are among
 * the 50, so that a call reads no more rows when many were deleted.
 */
export function polledChanges(ports: TimelinePorts): Changes {
  const newest = (accountId: string) =>
    listActivity(ports, accountId, { limit: WINDOW, directions: ['out', 'in'], deleted: true })
  const cursorOf = (messages: readonly Message[]) => `w.${Buffer.concat(messages.map(stateOf)).toString('base64url')}`
  return {
    retryMs: POLL_MS,
    cursor: async (accountId) => cursorOf((await newest(accountId)).items),
    async after(accountId, cursor) {
      const seen = seenBy(cursor)
      const { items, skipped } = await newest(accountId)
      const changed = items.filter((message) => !seen?.has(stateOf(message).toString('hex')))
      // Every one is new: there may be more changes than the window has.
      if (seen === undefined || changed.length === WINDOW) return undefined
      const { there = [], gone = [] } = Object.groupBy(changed.reverse(), (one) => (isGone(one) ? 'gone' : 'there'))
      const deleted = gone.map(({ id }) => id)
      return { items: there, deleted, cursor: cursorOf(items), ...(skipped && { skipped }) }
    },
  }
}

const isGone = ({ content, expiredAt }: Message) =>
  content.form === 'composed' && content.place === 'deleted' && expiredAt === undefined

function stateOf(message: Message): Buffer {
  const state = message.direction === 'sent' ? [message.version, isGone(message)] : (message.undecoded ?? null)
  const hash = createHash('sha256').update(JSON.stringify([message.id, state]))
  return hash.digest().subarray(0, HASH_BYTES)
}

function seenBy(cursor: string): ReadonlySet<string> | undefined {
  if (!cursor.startsWith('w.')) return undefined
  const bytes = Buffer.from(cursor.slice(2), 'base64url')
  const hashes = new Set<string>()
  for (let at = 0; at + HASH_BYTES <= bytes.length; at += HASH_BYTES)
    hashes.add(bytes.toString('hex', at, at + HASH_BYTES))
  return hashes
}
