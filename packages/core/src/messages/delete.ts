import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { StoreError } from '../ports/table.ts'
import { receivedMessageKey, sentMessageKey } from '../store/keys.ts'
import { writeIf } from '../store/once.ts'
import { recountDay } from '../store/timeline.ts'
import { expireEvent, receivedEventId } from '../webhooks/event.ts'
import { blobKey, bodyCopyKeys, partCopyKey, rawCopyKey } from './blob-keys.ts'
import { type ContentPorts, deleteContent } from './content.ts'
import { inspectSent } from './inspect.ts'
import {
  type ComposedContent,
  isPending,
  type ReceivedAttachment,
  type ReceivedMessage,
  type SentMessage,
} from './message.ts'
import { getSent } from './read.ts'
import { deletionOf, isDeleted, receivedOf } from './rows.ts'
import { deleteReading, getReading, type ReadingPorts } from './stored-reading.ts'

type DeletePorts = ReadingPorts & { readonly clock: Clock }

/** Smaller bodies fit an answer, however they are escaped, so no copy was made for a link. */
const MAY_BE_COPIED_BYTES = 512 * 1024
/** Longer than a queue entry lives: 4 days, and 14 in its dead-letter queue. Webhooks are retried for less than that. */
const EVENT_KEPT_SECONDS = 90 * 24 * 3600

/**
 * Deletes what a sent message says and keeps the fact that it was sent. Repeating it is no error.
 * @throws {MailError} `not_found`; `conflict` while it is still being sent, since nothing accepted is ever dropped
 */
export async function deleteSent(
  ports: ContentPorts & { readonly clock: Clock },
  accountId: string,
  id: string,
): Promise<void> {
  const message = await getSent(ports.table, accountId, id)
  if (isPending(message)) {
    throw new MailError('conflict', 'The email is still being sent; delete it when that has ended.')
  }
  await ports.blobs.delete(await copiesOf(ports, message))
  await deleteContent(ports, accountId, id, message.content)
  const deleted: ComposedContent = { form: 'composed', place: 'deleted' }
  await ports.table.write({
    kind: 'update',
    key: sentMessageKey(accountId, id),
    set: { content: deleted, subject: '', tags: [] },
    if: [{ exists: true }],
  })
  await recountDay(ports, accountId, 'out', id)
}

/** The keys of what may have been copied for links, named before the content goes that tells them. */
async function copiesOf(ports: ContentPorts, message: SentMessage): Promise<readonly string[]> {
  const { accountId, id, size, attachments = 0, content } = message
  const blob = blobKey(accountId, id)
  const isThere = attachments > 0 && content.place !== 'deleted'
  const parts = isThere ? await attachmentsOf(ports, message) : []
  const bodies = size >= MAY_BE_COPIED_BYTES ? bodyCopyKeys(blob) : []
  return [rawCopyKey(blob), ...bodies, ...parts.map((part) => partCopyKey(blob, part))]
}

/** None if the content is lost, which holds up no deletion. */
async function attachmentsOf(ports: ContentPorts, message: SentMessage): Promise<readonly ReceivedAttachment[]> {
  try {
    return (await inspectSent(ports, message)).attachments
  } catch (error) {
    if (error instanceof MailError) return []
    throw error
  }
}

/**
 * Deletes a received message. The first write hides it from every reader and makes the row due; when this resolves, its
 * bytes are gone. After a throw the sweep deletes them later, or a repeated call does.
 * @throws {MailError} `not_found`
 */
export async function deleteReceived(ports: DeletePorts, accountId: string, id: string): Promise<void> {
  const accepted = await writeIf(ports.table, deletionOf(accountId, id, ports.clock.now()))
  if (!accepted) throw new MailError('not_found', 'Email not found')
  await finishDeletion(ports, accountId, id)
}

/**
 * Deletes what a deleted message leaves. Its row goes last, since it names the rest. The event stays for 90 days: webhooks
 * may still have to be delivered, and a queue entry that comes again is recognised by it. Repeating it is no error.
 */
export async function finishDeletion(ports: DeletePorts, accountId: string, id: string): Promise<void> {
  const item = await ports.table.get(receivedMessageKey(accountId, id))
  if (item === undefined || !isDeleted(item)) return
  const received = receivedOf(item)
  const { blob } = received.content
  await ports.blobs.delete([blob, ...bodyCopyKeys(blob), ...(await partCopies(ports, received))])
  await deleteReading(ports, accountId, id)
  const ttl = Math.floor(ports.clock.now() / 1000) + EVENT_KEPT_SECONDS
  await expireEvent(ports.table, accountId, id, receivedEventId(accountId, id), ttl)
  await recountDay(ports, accountId, 'in', id)
  await ports.table.write({ kind: 'delete', key: receivedMessageKey(accountId, id) })
}

/**
 * The reading names the copies and outlives them, unless an earlier call has deleted both. A reading that cannot be read
 * holds up no deletion: the bucket's lifecycle rule then deletes the copies, which the single process does not make.
 */
async function partCopies(ports: ReadingPorts, received: ReceivedMessage): Promise<readonly string[]> {
  try {
    const { reading } = await getReading(ports, received)
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
