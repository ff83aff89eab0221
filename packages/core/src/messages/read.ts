import type { Reading } from '@kabutar/mail/read/message.ts'
import { MailError } from '../errors.ts'
import type { Table } from '../ports/table.ts'
import type { ListPage, PageOptions } from '../store/pages.ts'
import { listMessagesByDay, type TimelinePorts } from '../store/timeline.ts'
import { type Composed, type ContentPorts, getContent } from './content.ts'
import type { ReceivedAttachment, ReceivedMessage, SentMessage } from './message.ts'
import { receivedAttachments } from './received.ts'
import { isDeleted, readReceived, readSent, receivedOf, sentOf } from './rows.ts'
import { getReading, type ReadingPorts } from './stored-reading.ts'

const notFound = () => new MailError('not_found', 'Email not found')

/** @throws {MailError} `not_found` */
export async function getSent(table: Table, accountId: string, id: string): Promise<SentMessage> {
  const message = await readSent(table, accountId, id)
  if (message === undefined) throw notFound()
  return message
}

/** A message with what it says; the content is undefined once it was deleted. @throws {MailError} `not_found`, `unavailable` */
export async function getWholeSent(
  ports: ContentPorts,
  accountId: string,
  id: string,
): Promise<{ readonly message: SentMessage; readonly content: Composed | undefined }> {
  const message = await getSent(ports.table, accountId, id)
  return { message, content: await getContent(ports, message) }
}

/** A page of sent messages, newest first. */
export function listSent(
  ports: TimelinePorts,
  accountId: string,
  options: PageOptions,
): Promise<ListPage<SentMessage>> {
  return listMessagesByDay(ports, accountId, 'out', options, sentOf)
}

/** @throws {MailError} `not_found` */
export async function getReceived(table: Table, accountId: string, id: string): Promise<ReceivedMessage> {
  const message = await readReceived(table, accountId, id)
  if (message === undefined) throw notFound()
  return message
}

export type WholeReceived = {
  readonly received: ReceivedMessage
  readonly reading: Reading
  readonly attachments: readonly ReceivedAttachment[]
}

/** A message with what it says. @throws {MailError} `not_found`, `unavailable` */
export async function getWholeReceived(ports: ReadingPorts, accountId: string, id: string): Promise<WholeReceived> {
  return wholeOf(ports, await getReceived(ports.table, accountId, id))
}

/** Adds what a message says to its row. @throws {MailError} `unavailable` */
export async function wholeOf(ports: ReadingPorts, received: ReceivedMessage): Promise<WholeReceived> {
  const { reading } = await getReading(ports, received)
  return { received, reading, attachments: receivedAttachments(received.id, reading) }
}

/** A page of received messages, newest first. Deleted ones are passed over. */
export function listReceived(
  ports: TimelinePorts,
  accountId: string,
  options: PageOptions,
): Promise<ListPage<ReceivedMessage>> {
  return listMessagesByDay(ports, accountId, 'in', options, (item) => (isDeleted(item) ? undefined : receivedOf(item)))
}
