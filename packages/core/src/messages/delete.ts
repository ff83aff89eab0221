import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { StoreError } from '../ports/table.ts'
import { receivedMessageKey } from '../store/keys.ts'
import { appendedMessageKey } from '../store/mailbox-keys.ts'
import { writeIf } from '../store/once.ts'
import { recountDay } from '../store/timeline.ts'
import { expireEvent, receivedEventId } from '../webhooks/event.ts'
import { bodyCopyKeys, partCopyKey } from './blob-keys.ts'
import { hasReferences, unlisting } from './references.ts'
import { appendedOf, isDeleted, receivedOf } from './rows.ts'
import { deleteReading, getReading, type ReadingPorts, type StoredRaw } from './stored-reading.ts'

type DeletePorts = ReadingPorts & { readonly clock: Clock }

/** Longer than a queue entry lives: 4 days, and 14 in its dead-letter queue. Webhooks are retried for less than that. */
const EVENT_KEPT_SECONDS = 90 * 24 * 3600

/**
 * Deletes a received message from the account's list. The first write hides it from every reader of the list; if no mailbox
 * has the message, it makes the row due as well, and when this resolves the bytes are gone. After a throw the sweep deletes
 * them later, or a repeated call does. While a mailbox has the message its content stays, until the last placement goes.
 * @throws {MailError} `not_found`
 */
export async function deleteReceived(ports: DeletePorts, accountId: string, id: string): Promise<void> {
  const key = receivedMessageKey(accountId, id)
  for (;;) {
    const item = await ports.table.get(key)
    if (item === undefined || (isDeleted(item) && hasReferences(item))) throw notFound()
    if (isDeleted(item) || (await writeIf(ports.table, unlisting(item, ports.clock.now())))) break
  }
  await finishDeletion(ports, accountId, id)
}

const notFound = () => new MailError('not_found', 'Email not found')

/**
 * Deletes what a deleted message leaves that nothing names any more. Its row goes last, since it names the rest. The event
 * stays for 90 days: webhooks may still have to be delivered, and a queue entry that comes again is recognised by it.
 * Repeating it is no error.
 */
export async function finishDeletion(ports: DeletePorts, accountId: string, id: string): Promise<void> {
  const item = await ports.table.get(receivedMessageKey(accountId, id))
  if (item === undefined || !isDeleted(item) || hasReferences(item)) return
  const received = receivedOf(item)
  await deleteRaw(ports, received)
  const ttl = Math.floor(ports.clock.now() / 1000) + EVENT_KEPT_SECONDS
  await expireEvent(ports.table, accountId, id, receivedEventId(accountId, id), ttl)
  await recountDay(ports, accountId, 'in', id)
  await ports.table.write({ kind: 'delete', key: receivedMessageKey(accountId, id) })
}

/** Deletes an appended message that no mailbox has any more. Repeating it is no error. */
export async function deleteAppended(ports: DeletePorts, accountId: string, id: string): Promise<void> {
  const key = appendedMessageKey(accountId, id)
  const item = await ports.table.get(key)
  if (item === undefined || hasReferences(item)) return
  await deleteRaw(ports, appendedOf(item))
  await ports.table.write({ kind: 'delete', key })
}

/** Deletes the raw message, its copies and its reading, which goes last because it names copies. */
export async function deleteRaw(ports: ReadingPorts, message: StoredRaw): Promise<void> {
  const { accountId, id, content } = message
  await ports.blobs.delete([content.blob, ...bodyCopyKeys(content.blob), ...(await partCopies(ports, message))])
  await deleteReading(ports, accountId, id)
}

/**
 * The reading names the copies and outlives them, unless an earlier call has deleted both. A reading that cannot be read
 * holds up no deletion: the bucket's lifecycle rule then deletes the copies, which the single process does not make.
 */
async function partCopies(ports: ReadingPorts, received: StoredRaw): Promise<readonly string[]> {
  try {
    // Content that has expired may not have gone whole, and its reading goes last.
    const { expiredAt: _, ...whole } = received
    const { reading } = await getReading(ports, whole)
    return reading.attachments.map((part) => partCopyKey(received.content.blob, part))
  } catch (error) {
    if (error instanceof StoreError && (error.code === 'Unavailable' || error.code === 'Throttled')) throw error
    return []
  }
}

/** Deletes what a late queue entry stored again for a message that had been deleted. */
export async function deleteLeftovers(ports: ReadingPorts, accountId: string, id: string, blob: string): Promise<void> {
  await ports.blobs.delete([blob])
  await deleteReading(ports, accountId, id)
}
