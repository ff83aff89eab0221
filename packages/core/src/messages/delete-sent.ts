import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { sentMessageKey } from '../store/keys.ts'
import { recountDay } from '../store/timeline.ts'
import { blobKey, bodyCopyKeys, partCopyKey, rawCopyKey } from './blob-keys.ts'
import { type ContentPorts, deleteContent } from './content.ts'
import { type ComposedContent, isPending, type ReceivedAttachment, type SentMessage } from './message.ts'
import { getSent } from './read.ts'

/** Smaller bodies fit an answer, however they are escaped, so no copy was made for a link. */
const MAY_BE_COPIED_BYTES = 512 * 1024

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
  const copies = await copiesOfSent(ports, message)
  await ports.blobs.delete(copies)
  await deleteContent(ports, accountId, id, message.content)
  const deleted: ComposedContent = { form: 'composed', place: 'deleted' }
  await ports.table.write({
    kind: 'update',
    key: sentMessageKey(accountId, id),
    set: { content: deleted, subject: '', preview: '', tags: [] },
    remove: ['expiredAt'],
    if: [{ exists: true }],
  })
  // Whoever read the content before it went may have copied it since; later copies are taken back by `keepCopies`.
  await ports.blobs.delete(copies)
  await recountDay(ports, accountId, 'out', id)
}

/** The keys of what may have been copied for links, named before the content goes that tells them. */
export async function copiesOfSent(ports: ContentPorts, message: SentMessage): Promise<readonly string[]> {
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
    const { inspectSent } = await import('./inspect-sent.ts')
    return (await inspectSent(ports, message)).attachments
  } catch (error) {
    if (error instanceof MailError) return []
    throw error
  }
}
