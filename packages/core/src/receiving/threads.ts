/**
 * Threads by Message-ID, In-Reply-To and References (RFC 5322 section 3.6.4). A thread is named after the message that
 * began it, sent or received. Each id that was seen is a row `message id -> thread`, put if absent, so that messages that
 * arrive together or out of order agree.
 */
import { createHash } from 'node:crypto'
import type { References } from '@kabutar/mail/mime/envelope.ts'
import { isUuid } from '../ports/ids.ts'
import { isConditionFailed, type Key, type Table } from '../ports/table.ts'
import { readMessage } from '../sending/message.ts'

const MAX_LOOKED_UP = 100

const midKey = (accountId: string, messageId: string): Key => ({
  pk: `${accountId}#mid#${createHash('sha256').update(messageId).digest('hex').slice(0, 32)}`,
  sk: 'v',
})

/** The thread of a message; `id` if it begins one. The same message has the same thread however often it is asked. */
export async function threadOf(table: Table, accountId: string, id: string, references: References): Promise<string> {
  const { messageId } = references
  const earlier = [...references.inReplyTo, ...references.references.toReversed()].filter((one) => one !== messageId)
  const known = await knownThread(table, accountId, messageId === null ? earlier : [messageId, ...earlier])
  const thread = known ?? (await beginThread(table, accountId, id, earlier))
  return messageId === null ? thread : nameThread(table, accountId, messageId, thread)
}

async function knownThread(
  table: Table,
  accountId: string,
  messageIds: readonly string[],
): Promise<string | undefined> {
  const asked = [...new Set(messageIds)].slice(0, MAX_LOOKED_UP)
  if (asked.length === 0) return undefined
  const rows = await table.getMany(asked.map((messageId) => midKey(accountId, messageId)))
  const found = rows.find((row) => row !== undefined)
  return (found?.thread as string | undefined) ?? sentAmong(table, accountId, asked)
}

/** Our own Message-IDs carry the id of the message. Only the nearest is looked up. */
async function sentAmong(table: Table, accountId: string, messageIds: readonly string[]): Promise<string | undefined> {
  for (const messageId of messageIds) {
    const id = messageId.slice(1, messageId.indexOf('@'))
    if (!isUuid(id)) continue
    const message = await readMessage(table, accountId, id)
    return message?.messageId === messageId ? id : undefined
  }
  return undefined
}

/** Others may be about to begin it by another message: the oldest id that they all name decides. */
async function beginThread(table: Table, accountId: string, id: string, earlier: readonly string[]): Promise<string> {
  const root = earlier.at(-1)
  return root === undefined ? id : nameThread(table, accountId, root, id)
}

/** Answers the thread that the message id has from now on: `thread`, unless it had one. */
async function nameThread(table: Table, accountId: string, messageId: string, thread: string): Promise<string> {
  const key = midKey(accountId, messageId)
  try {
    await table.write({ kind: 'put', item: { ...key, thread }, if: [{ exists: false }] })
    return thread
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    return ((await table.get(key))?.thread as string | undefined) ?? thread
  }
}
