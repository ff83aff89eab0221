import { type ReadMessage, readMessage } from '@kabutar/mail/parse.ts'
import { MailError } from '../errors.ts'
import type { Table } from '../ports/table.ts'
import { detailOf, type ReadPorts, unreadable } from '../receiving/received-detail.ts'
import type { ListPage, PageOptions } from '../store/pages.ts'
import { listMessagesByDay, type TimelinePorts } from '../store/timeline.ts'
import { type ReceivedAttachment, receivedAttachments } from './attachment.ts'
import type { Received } from './received.ts'
import { isRemoved, readReceived, receivedOf } from './received-row.ts'

/** @throws {MailError} `not_found` */
export async function getReceived(table: Table, accountId: string, id: string): Promise<Received> {
  const received = await readReceived(table, accountId, id)
  if (received === undefined) throw new MailError('not_found', 'Email not found')
  return received
}

/** A page of received messages, newest first; deleted ones are passed over. */
export function listReceived(
  ports: TimelinePorts,
  accountId: string,
  options: PageOptions,
): Promise<ListPage<Received>> {
  return listMessagesByDay(ports, accountId, 'in', options, (item) => (isRemoved(item) ? undefined : receivedOf(item)))
}

export type WholeReceived = {
  readonly received: Received
  readonly message: ReadMessage
  readonly attachments: readonly ReceivedAttachment[]
  readonly raw: Uint8Array
}

/** A message with what it says. @throws {MailError} `not_found`, `unavailable` */
export async function getWholeReceived(ports: ReadPorts, accountId: string, id: string): Promise<WholeReceived> {
  const received = await getReceived(ports.table, accountId, id)
  const [raw, detail] = await Promise.all([ports.blobs.get(received.blob), detailOf(ports, received)])
  if (raw === undefined) throw unreadable()
  return {
    received,
    raw,
    message: readMessage(raw, detail.index),
    attachments: receivedAttachments(id, detail),
  }
}

/** In the order of the message, whose bytes are in `blob`. @throws {MailError} `not_found`, `unavailable` */
export async function getAttachments(
  ports: ReadPorts,
  accountId: string,
  id: string,
): Promise<{ readonly blob: string; readonly attachments: readonly ReceivedAttachment[] }> {
  const received = await getReceived(ports.table, accountId, id)
  return { blob: received.blob, attachments: receivedAttachments(id, await detailOf(ports, received)) }
}
