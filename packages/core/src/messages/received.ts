/** Makes what people see of a received message from its index: its row, its attachments, its addresses. */
import { formatMailbox } from '@kabutar/mail/address.ts'
import { type AddressList, readAddresses } from '@kabutar/mail/mime/addresses.ts'
import { attachmentsOf } from '@kabutar/mail/mime/readable.ts'
import { decodeWords } from '@kabutar/mail/mime/words.ts'
import { derivedUuid, timeOf } from '../ports/ids.ts'
import type { InboundEnvelope, IndexPlace, ReceivedAttachment, ReceivedMessage } from './message.ts'
import type { StoredIndex } from './stored-index.ts'

/** A message that was accepted for an account and is to be received. */
export type Incoming = {
  readonly accountId: string
  readonly id: string
  readonly envelope: InboundEnvelope
  /**
   * Key of the raw message, which belongs to this account alone: `<account>/<id>` over SMTP, and behind SES the key of
   * SES for one of the accounts.
   */
  readonly blob: string
  /** The blob to copy, if `blob` is not there yet. */
  readonly copyOf?: string
}

/** Bytes of each list; together below the 64 KB of a row, with an envelope of 100 recipients. */
const BUDGETS = { to: 6000, cc: 6000, bcc: 2000, replyTo: 2000, attachments: 8000 } as const
const MAX_TEXT_LENGTH = 998
const MAX_NAME_LENGTH = 255
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are no part of a line that people read
const CONTROLS = /[\u0000-\u001f\u007f]+/g

/** Formats an address list for people. Addresses beyond `maxBytes` are left out. */
export function formatAddresses(list: AddressList, maxBytes = Number.POSITIVE_INFINITY): readonly string[] {
  return cutTo(readAddresses(list).map(formatted), maxBytes)
}

function formatted({ name, address }: { readonly name: string; readonly address: string }): string {
  return oneLine(address === '' ? name : formatMailbox({ name: oneLine(name), address: oneLine(address) }))
}

const oneLine = (text: string) => text.replace(CONTROLS, ' ').slice(0, MAX_TEXT_LENGTH).toWellFormed()

/** The row holds enough for a list and a webhook, never the content. */
export function newReceived(
  { accountId, id, envelope, blob }: Incoming,
  index: StoredIndex,
  indexPlace: IndexPlace,
  thread: string,
): ReceivedMessage {
  const { envelope: fields, references, size } = index.mime
  const attachments = receivedAttachments(id, index).map(({ from: _, to: __, encoding: ___, ...listed }) => listed)
  return {
    direction: 'received',
    id,
    accountId,
    from: formatAddresses(fields.from)[0] ?? '',
    to: formatAddresses(fields.to, BUDGETS.to),
    cc: formatAddresses(fields.cc, BUDGETS.cc),
    bcc: formatAddresses(fields.bcc, BUDGETS.bcc),
    replyTo: hasReplyTo(index) ? formatAddresses(fields.replyTo, BUDGETS.replyTo) : [],
    subject: oneLine(decodeWords(fields.subject ?? '')),
    messageId: oneLine(references.messageId ?? ''),
    size,
    attachments: cutTo(attachments, BUDGETS.attachments),
    envelope,
    content: { form: 'raw', blob, index: indexPlace },
    thread,
  }
}

/** False where the ENVELOPE of IMAP repeats From, since the message has no Reply-To (RFC 9051 section 7.5.2). */
function hasReplyTo({ mime: { envelope } }: StoredIndex): boolean {
  const { from, replyTo } = envelope
  return from !== replyTo && JSON.stringify(replyTo) !== JSON.stringify(from)
}

function cutTo<T>(values: readonly T[], maxBytes: number): readonly T[] {
  let left = maxBytes
  return values.filter((value) => {
    left -= Buffer.byteLength(JSON.stringify(value))
    return left >= 0
  })
}

/** The attachments in the order of the message, at most 1,000. Names are cut to 255 characters. */
export function receivedAttachments(
  messageId: string,
  { mime, attachmentSizes }: StoredIndex,
): readonly ReceivedAttachment[] {
  return attachmentsOf(mime).map((part) => ({
    id: attachmentId(messageId, part.id),
    filename: part.filename === null ? null : shortened(part.filename),
    contentType: shortened(part.contentType),
    contentId: part.contentId === null ? null : shortened(part.contentId),
    disposition: part.disposition === null ? null : shortened(part.disposition),
    size: attachmentSizes[part.id] ?? part.encodedSize,
    from: part.from,
    to: part.to,
    encoding: part.encoding,
  }))
}

const attachmentId = (messageId: string, part: string) => derivedUuid(timeOf(messageId), messageId, part)
const shortened = (text: string) => text.slice(0, MAX_NAME_LENGTH).toWellFormed()
