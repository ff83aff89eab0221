/** Threads of received mail by Message-ID, In-Reply-To and References (RFC 5322 section 3.6.4). */
import type { References } from '@kabutar/mail/mime/envelope.ts'
import { isUuid } from '../ports/ids.ts'
import type { Table } from '../ports/table.ts'
import { knownThread, nameThread } from './message-ids.ts'

/** The thread of a message; `id` if it begins one. The same message has the same thread however often it is asked. */
export async function threadOf(table: Table, accountId: string, id: string, references: References): Promise<string> {
  const { messageId } = references
  const earlier = [...references.inReplyTo, ...references.references.toReversed()].filter((one) => one !== messageId)
  if (messageId !== null && earlier.length === 0 && !mayBeOurs(messageId)) {
    return nameThread(table, accountId, messageId, id)
  }
  const known = await knownThread(table, accountId, messageId === null ? earlier : [messageId, ...earlier])
  const thread = known ?? (await beginThread(table, accountId, id, earlier))
  return messageId === null ? thread : nameThread(table, accountId, messageId, thread)
}

/** What we sent ourselves has a thread without a row. */
const mayBeOurs = (messageId: string) => isUuid(messageId.slice(1, messageId.indexOf('@')))

/** Others may be about to begin it by another message: the oldest id that they all name decides. */
async function beginThread(table: Table, accountId: string, id: string, earlier: readonly string[]): Promise<string> {
  const root = earlier.at(-1)
  return root === undefined ? id : nameThread(table, accountId, root, id)
}
