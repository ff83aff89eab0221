import { MailError } from '../errors.ts'
import type { Table } from '../ports/table.ts'
import type { ListPage, PageOptions } from '../store/pages.ts'
import { listMessagesByDay, type TimelinePorts } from '../store/timeline.ts'
import { type Content, type ContentPorts, contentKey, deleteContent, getContent } from './content.ts'
import { bodyCopyKeys } from './derived-blobs.ts'
import { CONTENT_ATTRIBUTES, isPending, type Message, messageKey, messageOf, readMessage } from './message.ts'

/** Smaller bodies fit an answer, however they are escaped; no copy is made of them. */
const MAY_BE_COPIED_BYTES = 512 * 1024

/** @throws {MailError} `not_found` */
export async function getMessage(table: Table, accountId: string, id: string): Promise<Message> {
  const message = await readMessage(table, accountId, id)
  if (message === undefined) throw new MailError('not_found', 'Email not found')
  return message
}

/** A message with what it says; the content is undefined once it was deleted. @throws {MailError} `not_found`, `unavailable` */
export async function getWhole(
  ports: ContentPorts,
  accountId: string,
  id: string,
): Promise<{ readonly message: Message; readonly content: Content | undefined }> {
  const message = await getMessage(ports.table, accountId, id)
  return { message, content: await getContent(ports, message) }
}

/** A page of sent messages, newest first. */
export function listMessages(
  ports: TimelinePorts,
  accountId: string,
  options: PageOptions,
): Promise<ListPage<Message>> {
  return listMessagesByDay(ports, accountId, 'out', options, messageOf)
}

/**
 * Removes what the message says and keeps the fact that it was sent. Repeating it is no error.
 * @throws {MailError} `not_found`; `conflict` while it is still being sent, since nothing accepted is ever dropped
 */
export async function deleteMessage(ports: ContentPorts, accountId: string, id: string): Promise<void> {
  const message = await getMessage(ports.table, accountId, id)
  if (isPending(message))
    throw new MailError('conflict', 'The email is still being sent; delete it when that has ended.')
  await deleteContent(ports, accountId, id, message.content)
  if (message.contentBytes >= MAY_BE_COPIED_BYTES) await ports.blobs.delete(bodyCopyKeys(contentKey(accountId, id)))
  await ports.table.write({
    kind: 'update',
    key: messageKey(accountId, id),
    set: { content: 'deleted', subject: '' },
    remove: ['tags', ...CONTENT_ATTRIBUTES],
  })
}
