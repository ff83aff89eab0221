/** Makes what people see of a received message from its reading: its row, its attachments, its addresses. */
import { formatMailbox } from '@kabutar/mail/address.ts'
import type { ReadAddress } from '@kabutar/mail/read/header.ts'
import type { Reading } from '@kabutar/mail/read/message.ts'
import type { Blobs } from '../ports/blobs.ts'
import { derivedUuid, timeOf } from '../ports/ids.ts'
import type { InboundEnvelope, ReadingPlace, ReceivedAttachment, ReceivedMessage } from './message.ts'
import type { StoredReading } from './stored-reading.ts'

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
const MAX_UNDECODED = 20
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are no part of a line that people read
const CONTROLS = /[\u0000-\u001f\u007f]+/g

/** Formats an address list for people. Addresses beyond `maxBytes` are left out. */
export function formatAddresses(list: readonly ReadAddress[], maxBytes = Number.POSITIVE_INFINITY): readonly string[] {
  const formatted = ({ name, address }: ReadAddress) =>
    oneLine(formatMailbox({ name: oneLine(name), address: oneLine(address) }))
  return cutTo(list.map(formatted), maxBytes)
}

const oneLine = (text: string) => text.replace(CONTROLS, ' ').slice(0, MAX_TEXT_LENGTH).toWellFormed()

/** The row holds enough for a list and a webhook, never the content. */
export function newReceived(
  { accountId, id, envelope, blob }: Incoming,
  size: number,
  stored: StoredReading,
  place: ReadingPlace,
  thread: string,
): ReceivedMessage {
  return {
    direction: 'received',
    id,
    accountId,
    ...listedOf(id, stored.reading),
    size,
    envelope,
    content: { form: 'raw', blob, reading: place },
    thread,
  }
}

/** Answers the fields of a reading that a list shows. */
export function listedOf(id: string, reading: Reading) {
  const attachments = receivedAttachments(id, reading).map(({ from: _, to: __, encoding: ___, ...listed }) => listed)
  return {
    from: formatAddresses(reading.from)[0] ?? '',
    to: formatAddresses(reading.to, BUDGETS.to),
    cc: formatAddresses(reading.cc, BUDGETS.cc),
    bcc: formatAddresses(reading.bcc, BUDGETS.bcc),
    replyTo: formatAddresses(reading.replyTo, BUDGETS.replyTo),
    subject: oneLine(reading.subject),
    messageId: oneLine(reading.messageId ?? ''),
    attachments: cutTo(attachments, BUDGETS.attachments),
    ...(reading.undecoded.length > 0 && { undecoded: reading.undecoded.slice(0, MAX_UNDECODED) }),
  }
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
  { attachments }: Pick<Reading, 'attachments'>,
): readonly ReceivedAttachment[] {
  return attachments.map(({ part, filename, contentType, contentId, disposition, ...place }) => ({
    ...place,
    id: attachmentId(messageId, part),
    filename: filename === null ? null : shortened(filename),
    contentType: shortened(contentType),
    contentId: contentId === null ? null : shortened(contentId),
    disposition: disposition === null ? null : shortened(disposition),
  }))
}

const attachmentId = (messageId: string, part: string) => derivedUuid(timeOf(messageId), messageId, part)
const shortened = (text: string) => text.slice(0, MAX_NAME_LENGTH).toWellFormed()

/** Reads bytes [from, to) of a raw message; nothing if it is gone. */
export async function* readRange(blobs: Blobs, key: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  const part = to > from ? await blobs.open(key, { from, to: to - 1 }) : undefined
  if (part !== undefined) yield* part.body
}
