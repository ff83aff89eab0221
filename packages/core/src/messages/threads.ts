/**
 * Threads by Message-ID, In-Reply-To and References (RFC 5322 section 3.6.4). A row `Message-ID -> thread`, put if absent,
 * makes messages agree that arrive together or out of order. A thread has the id of the message that began it, sent or
 * received. Our own Message-IDs carry the id of their message and need a row only where that message is a reply; one that
 * a relay put in place of ours always has a row, so that a reply to either finds the thread.
 */
import type { References } from '@kabutar/mail/mime/envelope.ts'
import { isUuid } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Item, Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { messageIdKey } from '../store/keys.ts'
import { putIfAbsent } from '../store/once.ts'
import { loggedPage, readableRows } from '../store/pages.ts'
import { fromDomain, ownMessageId, type SentMessage } from './message.ts'
import { readSent } from './rows.ts'

type ThreadPorts = { readonly table: Table; readonly log: Log }

const MAX_LOOKED_UP = 100

/** The thread of a received message; `id` if it begins one. The same message has the same thread at every call. */
export async function threadOfReceived(
  ports: ThreadPorts,
  accountId: string,
  id: string,
  references: References,
): Promise<string> {
  const { messageId } = references
  const earlier = [...references.inReplyTo, ...references.references.toReversed()].filter((one) => one !== messageId)
  if (messageId !== null && earlier.length === 0 && !mayBeOurs(messageId)) {
    return putThread(ports, accountId, messageId, id)
  }
  const known = await findThread(ports, accountId, messageId === null ? earlier : [messageId, ...earlier])
  const thread = known ?? (await beginThread(ports, accountId, id, earlier))
  return messageId === null ? thread : putThread(ports, accountId, messageId, thread)
}

/** A message that we sent ourselves has a thread without a row. */
const mayBeOurs = (messageId: string) => isUuid(idIn(messageId))
const idIn = (messageId: string) => messageId.slice(1, messageId.indexOf('@'))

/** Replies to one message may arrive before it and at once: the oldest Message-ID that they all name decides. */
async function beginThread(
  ports: ThreadPorts,
  accountId: string,
  id: string,
  earlier: readonly string[],
): Promise<string> {
  const root = earlier.at(-1)
  return root === undefined ? id : putThread(ports, accountId, root, id)
}

/** The thread of the first of `messageIds` that has one. One batch read of at most 100, and one read of a sent message. */
export async function findThread(
  ports: ThreadPorts,
  accountId: string,
  messageIds: readonly string[],
): Promise<string | undefined> {
  const wanted = [...new Set(messageIds)].slice(0, MAX_LOOKED_UP)
  if (wanted.length === 0) return undefined
  const rows = await ports.table.getMany(wanted.map((messageId) => messageIdKey(accountId, messageId)))
  const [thread] = threadsIn(
    ports,
    rows.filter((item) => item !== undefined),
  )
  return thread ?? findSent(ports.table, accountId, wanted)
}

/** The threads that rows name. A row that cannot be read is logged, and names none: mail is received all the same. */
function threadsIn(ports: ThreadPorts, rows: readonly Item[]): readonly string[] {
  return loggedPage(
    ports,
    readableRows(rows, (item) => readRow('message-id', item).thread as string),
  ).items
}

/** Looks the nearest Message-ID up that may be ours. */
async function findSent(table: Table, accountId: string, messageIds: readonly string[]): Promise<string | undefined> {
  const nearest = messageIds.find(mayBeOurs)
  if (nearest === undefined) return undefined
  const id = idIn(nearest)
  const message = await readSent(table, accountId, id)
  return message && ownMessageId(id, fromDomain(message)) === nearest ? id : undefined
}

/** Answers the thread that the Message-ID has from now on: `thread`, unless it had one. */
async function putThread(ports: ThreadPorts, accountId: string, messageId: string, thread: string): Promise<string> {
  const key = messageIdKey(accountId, messageId)
  if (await putIfAbsent(ports.table, row('message-id', key, { thread }))) return thread
  const found = await ports.table.get(key)
  return (found && threadsIn(ports, [found])[0]) ?? thread
}

const REPLY_FIELDS = ['in-reply-to', 'references']

/** The Message-IDs that a draft's headers answer, the nearest first. */
export function answeredIds(headers: Readonly<Record<string, string>>): readonly string[] {
  return REPLY_FIELDS.flatMap((wanted) => {
    const [, value = ''] = Object.entries(headers).find(([name]) => name.toLowerCase() === wanted) ?? []
    return (value.match(/<[^<>\s]{1,998}>/g) ?? []).slice(-MAX_LOOKED_UP).reverse()
  })
}

/**
 * Writes the thread of a sent message under each Message-ID that a reply may name. `seenId` is the one that recipients
 * see, `answers` are those that the message itself answers. Writes nothing where our own Message-ID tells everything.
 */
export async function putMessageIds(
  ports: ThreadPorts,
  message: SentMessage,
  seenId: string | undefined,
  answers: readonly string[],
): Promise<void> {
  const { accountId, id } = message
  const own = ownMessageId(id, fromDomain(message))
  const thread = (await findThread(ports, accountId, answers)) ?? id
  const named = [...(thread === id ? [] : [own]), ...(seenId === undefined || seenId === own ? [] : [seenId])]
  await Promise.all(named.map((messageId) => putThread(ports, accountId, messageId, thread)))
}
