/** Makes what people see of a received message from its reading: its row, its attachments, its addresses. */
import { formatMailbox } from '@kabutar/mail/address.ts'
import type { ReadAddress } from '@kabutar/mail/read/header.ts'
import type { Reading } from '@kabutar/mail/read/message.ts'
import type { Blobs } from '../ports/blobs.ts'
import { derivedUuid, timeOf } from '../ports/ids.ts'
import type { Item } from '../ports/table.ts'
import { itemBytes, TABLE_RULES } from '../ports/table-rules.ts'
import { type InboundEnvelope, listedPreview, type ReceivedAttachment, type ReceivedMessage } from './message.ts'

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

/** Bytes of each list, which nearly always leave a row below its 64 KB. */
const BUDGETS = { to: 6000, cc: 6000, bcc: 2000, replyTo: 2000, attachments: 8000 } as const
/** Shares of the budgets that are tried until the rows fit; without lists an envelope of 100 recipients does. */
const SHARES = [1, 0.5, 0.25, 0]
const MAX_TEXT_LENGTH = 998
const MAX_NAME_LENGTH = 255
const MAX_UNDECODED = 20
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are no part of a line that people read
const CONTROLS = /[\u0000-\u001f\u007f]+/g

/** Formats an address list for people. */
export function formatAddresses(list: readonly ReadAddress[]): readonly string[] {
  return list.map(({ name, address }) => oneLine(formatMailbox({ name: oneLine(name), address: oneLine(address) })))
}

const oneLine = (text: string) => text.replace(CONTROLS, ' ').slice(0, MAX_TEXT_LENGTH).toWellFormed()

type Rest = Omit<ReceivedMessage, keyof Listed>

/** Holds what a list shows of a reading: enough for a webhook too, never the content. `truncated` names the lists that are cut. */
export type Listed = Pick<
  ReceivedMessage,
  | 'from'
  | 'to'
  | 'cc'
  | 'bcc'
  | 'replyTo'
  | 'subject'
  | 'preview'
  | 'messageId'
  | 'attachments'
  | 'undecoded'
  | 'truncated'
>

/**
 * The message with what a list shows of its reading, cut until every row of it fits, so that no accepted message is too
 * large for the store.
 */
export function listed(
  rest: Rest,
  reading: Reading,
  rowsOf: (message: ReceivedMessage) => readonly Item[],
): ReceivedMessage {
  for (const share of SHARES) {
    const message = { ...rest, ...listedOf(rest.id, reading, share) }
    if (rowsOf(message).every(fitsRow)) return message
  }
  return { ...rest, ...listedOf(rest.id, reading, 0) }
}

const fitsRow = (item: Item) => itemBytes(item) <= TABLE_RULES.maxItemBytes

function listedOf(id: string, reading: Reading, share: number): Listed {
  const attachments = receivedAttachments(id, reading).map(({ from: _, to: __, encoding: ___, ...shown }) => shown)
  const lists = {
    to: cutTo(formatAddresses(reading.to), BUDGETS.to * share),
    cc: cutTo(formatAddresses(reading.cc), BUDGETS.cc * share),
    bcc: cutTo(formatAddresses(reading.bcc), BUDGETS.bcc * share),
    replyTo: cutTo(formatAddresses(reading.replyTo), BUDGETS.replyTo * share),
    attachments: cutTo(attachments, BUDGETS.attachments * share),
  }
  const truncated = (Object.keys(lists) as (keyof typeof lists)[]).filter(
    (name) => lists[name].length < reading[name].length,
  )
  return {
    from: formatAddresses(reading.from.slice(0, 1))[0] ?? '',
    ...lists,
    subject: oneLine(reading.subject),
    preview: listedPreview(reading.preview),
    messageId: oneLine(reading.messageId ?? ''),
    ...(reading.undecoded.length > 0 && { undecoded: reading.undecoded.slice(0, MAX_UNDECODED) }),
    ...(truncated.length > 0 && { truncated }),
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
