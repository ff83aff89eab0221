import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { sentMessageKey } from '../store/keys.ts'
import { recountDay } from '../store/timeline.ts'
import { attachmentCopyKeys, blobKey, bodyCopyKeys, rawCopyKey } from './blob-keys.ts'
import { type ContentPorts, deleteContent } from './content.ts'
import { type ComposedContent, isPending, type SentMessage } from './message.ts'
import { getSent } from './read.ts'

/** Smaller bodies fit an answer, however they are escaped, so no copy was made for a link. */
const MAY_BE_COPIED_BYTES = 512 * 1024

/**
 * Deletes what a sent message says and keeps the fact that it was sent. Repeating it is no error, and deletes what a crash
 * has left.
 * @throws {MailError} `not_found`; `conflict` while it is still being sent, since nothing accepted is ever dropped
 */
export async function deleteSent(
  ports: Omit<ContentPorts, 'compute'> & { readonly clock: Clock },
  accountId: string,
  id: string,
): Promise<void> {
  const message = await getSent(ports.table, accountId, id)
  if (isPending(message)) {
    throw new MailError('conflict', 'The email is still being sent; delete it when that has ended.')
  }
  await deleteContent(ports, accountId, id, message.content)
  const deleted: ComposedContent = { form: 'composed', place: 'deleted' }
  // The version moves, so that retention does not mark as expired what it read before.
  await ports.table.write({
    kind: 'update',
    key: sentMessageKey(accountId, id),
    set: { content: deleted, subject: '', preview: '', tags: [] },
    add: { version: 1 },
    remove: ['expiredAt'],
    if: [{ exists: true }],
  })
  // After the row: whoever copies reads it when the copy is there, and takes back what comes later (message-copies.ts).
  await ports.blobs.delete(copiesOfSent(message))
  await recountDay(ports, accountId, 'out', id)
}

/** The keys of all that may have been copied for links, which the row tells without the content. */
export function copiesOfSent({ accountId, id, size, attachments = 0 }: SentMessage): readonly string[] {
  const blob = blobKey(accountId, id)
  const bodies = size >= MAY_BE_COPIED_BYTES ? bodyCopyKeys(blob) : []
  return [rawCopyKey(blob), ...bodies, ...attachmentCopyKeys(blob, attachments)]
}
