/** A received message as its row tells it: enough for a list and a webhook, never its content. */
import { formatMailbox } from '@kabutar/mail/address.ts'
import type { AddressList } from '@kabutar/mail/mime/addresses.ts'
import { decodeWords } from '@kabutar/mail/mime/words.ts'
import { readAddresses } from '@kabutar/mail/read-addresses.ts'
import type { Detail } from '../mailboxes/detail-text.ts'
import type { InboundEnvelope, ReceiveEntry } from '../receiving/entry.ts'
import { type ReceivedAttachment, receivedAttachments } from './attachment.ts'

/** A message to receive. */
export type Incoming = ReceiveEntry & {
  /**
   * Key of the raw message. It belongs to this account alone: what is read, linked and deleted, is this. By SMTP it is
   * `<account>/<id>`; behind SES it is SES's own key for one of the accounts.
   */
  readonly blob: string
  /** The blob is made as a copy of this one, if it is not there yet. */
  readonly copyOf?: string
}

/** Of an attachment, what a list shows. */
export type ListedAttachment = Omit<ReceivedAttachment, 'from' | 'to' | 'encoding'>
export type Received = {
  readonly id: string
  readonly accountId: string
  /** Header fields, decoded, as people write them; lists are cut to what fits a row. */
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly replyTo: readonly string[]
  readonly subject: string
  /** The Message-ID field with angle brackets; empty if there is none. */
  readonly messageId: string
  readonly attachments: readonly ListedAttachment[]
  readonly envelope: InboundEnvelope
  /** Bytes as it came. */
  readonly size: number
  readonly thread: string
  /** The mailboxes it was meant for. */
  readonly mailboxIds: readonly string[]
  /** Key of the raw message. */
  readonly blob: string
}

/** Together below the 64 KB of a row, with an envelope of 100 recipients. */
const BUDGETS = { to: 6000, cc: 6000, bcc: 2000, replyTo: 2000, attachments: 8000 } as const
const MAX_TEXT_LENGTH = 998
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are no part of a line that people read
const CONTROLS = /[\u0000-\u001f\u007f]+/g

/** The header of a message for people. Addresses beyond what fits `maxBytes` are left out. */
export function addressesOf(list: AddressList, maxBytes = Number.POSITIVE_INFINITY): readonly string[] {
  return within(readAddresses(list).map(written), maxBytes)
}

function written({ name, address }: { readonly name: string; readonly address: string }): string {
  return line(address === '' ? name : formatMailbox({ name: line(name), address: line(address) }))
}

export const line = (text: string) => text.replace(CONTROLS, ' ').slice(0, MAX_TEXT_LENGTH).toWellFormed()

/** The row of a message that was read. */
export function newReceived(
  { accountId, id, envelope, blob }: Incoming,
  detail: Detail,
  thread: string,
  mailboxIds: readonly string[],
): Received {
  const { envelope: fields, references, size } = detail.index
  const attachments = receivedAttachments(id, detail).map(({ from: _, to: __, encoding: ___, ...rest }) => rest)
  return {
    id,
    accountId,
    from: addressesOf(fields.from)[0] ?? '',
    to: addressesOf(fields.to, BUDGETS.to),
    cc: addressesOf(fields.cc, BUDGETS.cc),
    bcc: addressesOf(fields.bcc, BUDGETS.bcc),
    replyTo: hasReplyTo(detail) ? addressesOf(fields.replyTo, BUDGETS.replyTo) : [],
    subject: line(decodeWords(fields.subject ?? '')),
    messageId: line(references.messageId ?? ''),
    attachments: within(attachments, BUDGETS.attachments),
    envelope,
    size,
    thread,
    mailboxIds,
    blob,
  }
}

/** IMAP's ENVELOPE repeats From where a message has no Reply-To. */
function hasReplyTo({ index: { envelope } }: Detail): boolean {
  const { from, replyTo } = envelope
  return from !== replyTo && JSON.stringify(replyTo) !== JSON.stringify(from)
}

function within<T>(values: readonly T[], maxBytes: number): readonly T[] {
  let left = maxBytes
  return values.filter((value) => {
    left -= Buffer.byteLength(JSON.stringify(value))
    return left >= 0
  })
}
