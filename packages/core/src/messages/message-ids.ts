/**
 * Message-IDs and the threads they belong to: a row `message id -> thread`, put if absent, so that messages that arrive
 * together or out of order agree. A thread is named after the message that began it, sent or received. Our own
 * Message-ID tells the message it was made for and needs a row only where the message answers another; one that a relay
 * put in its place always has a row, so that a reply to either finds the thread.
 */
import { isUuid } from '../ports/ids.ts'
import type { Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { messageIdKey } from '../store/keys.ts'
import { putIfAbsent } from '../store/once.ts'
import { fromDomain, type Message, ownMessageId, readMessage } from './message.ts'

const MAX_LOOKED_UP = 100

/** The thread of the first of `messageIds` that has one. One batch read of at most 100, and another read for ids of ours. */
export async function knownThread(
  table: Table,
  accountId: string,
  messageIds: readonly string[],
): Promise<string | undefined> {
  const asked = [...new Set(messageIds)].slice(0, MAX_LOOKED_UP)
  if (asked.length === 0) return undefined
  const rows = await table.getMany(asked.map((messageId) => messageIdKey(accountId, messageId)))
  const found = readRow(
    'message-id',
    rows.find((item) => item !== undefined),
  )
  return (found?.thread as string | undefined) ?? sentAmong(table, accountId, asked)
}

/** Our own Message-IDs carry the id of the message. Only the nearest is looked up. */
async function sentAmong(table: Table, accountId: string, messageIds: readonly string[]): Promise<string | undefined> {
  for (const messageId of messageIds) {
    const id = messageId.slice(1, messageId.indexOf('@'))
    if (!isUuid(id)) continue
    const message = await readMessage(table, accountId, id)
    return message && ownMessageId(id, fromDomain(message)) === messageId ? id : undefined
  }
  return undefined
}

/** Answers the thread that the message id has from now on: `thread`, unless it had one. */
export async function nameThread(table: Table, accountId: string, messageId: string, thread: string): Promise<string> {
  const key = messageIdKey(accountId, messageId)
  if (await putIfAbsent(table, row('message-id', key, { thread }))) return thread
  return (readRow('message-id', await table.get(key))?.thread as string | undefined) ?? thread
}

const REPLIES = ['in-reply-to', 'references']

/** The message ids that a draft's headers answer, the nearest first (RFC 5322 section 3.6.4). */
export function answeredIds(headers: Readonly<Record<string, string>>): readonly string[] {
  return REPLIES.flatMap((wanted) => {
    const [, value = ''] = Object.entries(headers).find(([name]) => name.toLowerCase() === wanted) ?? []
    return (value.match(/<[^<>\s]{1,998}>/g) ?? []).slice(-MAX_LOOKED_UP).reverse()
  })
}

/** What a reply to a sent message may name: `seenId` is what its recipients see. No write where our own id tells all. */
export async function keepMessageIds(
  table: Table,
  message: Message,
  seenId: string | undefined,
  answers: readonly string[],
): Promise<void> {
  const { accountId, id } = message
  const own = ownMessageId(id, fromDomain(message))
  const thread = (await knownThread(table, accountId, answers)) ?? id
  const named = [...(thread === id ? [] : [own]), ...(seenId === undefined || seenId === own ? [] : [seenId])]
  await Promise.all(named.map((messageId) => nameThread(table, accountId, messageId, thread)))
}
