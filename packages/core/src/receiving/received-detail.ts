import { MailError } from '../errors.ts'
import { getDetail } from '../mailboxes/detail.ts'
import type { Detail } from '../mailboxes/detail-text.ts'
import type { Received } from '../messages/received.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Table } from '../ports/table.ts'
import { inFlightBudget, inspect } from './inspect.ts'

export type ReadPorts = { readonly table: Table; readonly blobs: Blobs }

/** From any mailbox it lies in; read anew if those are gone. @throws {MailError} `unavailable` */
export async function detailOf(ports: ReadPorts, received: Received): Promise<Detail> {
  for (const mailboxId of received.mailboxIds) {
    const detail = await getDetail(ports, received.accountId, mailboxId, received)
    if (detail !== undefined) return detail
  }
  const detail = await inspect(ports.blobs, received.blob, inFlightBudget())
  if (detail === undefined) throw unreadable()
  return detail
}

export const unreadable = () => new MailError('unavailable', 'The content of the message cannot be read now.')
