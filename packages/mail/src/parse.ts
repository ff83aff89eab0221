import { listFields } from './mime/fields.ts'
import { indexMessage } from './mime/indexer.ts'
import type { MessageIndex } from './mime/part.ts'
import { type Attachment, attachmentsOf } from './mime/readable.ts'
import { decodeWords } from './mime/words.ts'
import { type ReadAddress, readAddresses } from './read-addresses.ts'
import { readTexts, type Texts } from './texts.ts'

/** What people and programs read of a message. Names, subject and header values are decoded text. */
export type ReadMessage = Texts & {
  readonly subject: string
  readonly from: readonly ReadAddress[]
  readonly to: readonly ReadAddress[]
  readonly cc: readonly ReadAddress[]
  readonly bcc: readonly ReadAddress[]
  /** Empty where the message names none. */
  readonly replyTo: readonly ReadAddress[]
  readonly date: Date | null
  /** With its angle brackets. */
  readonly messageId: string | null
  readonly inReplyTo: readonly string[]
  readonly references: readonly string[]
  /** In their order, names as written; at most 1,000. */
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly attachments: readonly Attachment[]
  readonly index: MessageIndex
}

/**
 * Reads a message, whatever it is. All of it comes from the index, so that a part is never a text here and something else
 * there; the content of an attachment is `decodePart` of a range of `raw`.
 */
export function readMessage(raw: Uint8Array, known?: MessageIndex): ReadMessage {
  const index = known ?? indexMessage(raw)
  const { envelope, references, root } = index
  const headers = listFields(raw.subarray(root.headerStart, Math.min(root.bodyStart, MAX_HEADER_BYTES)))
  const hasReplyTo = headers.some(({ name }) => name.toLowerCase() === 'reply-to')
  return {
    subject: decodeWords(envelope.subject ?? ''),
    from: readAddresses(envelope.from),
    to: readAddresses(envelope.to),
    cc: readAddresses(envelope.cc),
    bcc: readAddresses(envelope.bcc),
    replyTo: hasReplyTo ? readAddresses(envelope.replyTo) : [],
    date: dateOf(envelope.date),
    ...references,
    headers: headers.map(({ name, value }) => ({ name, value: decodeWords(value) })),
    ...readTexts(raw, index),
    attachments: attachmentsOf(index),
    index,
  }
}

const MAX_HEADER_BYTES = 256 * 1024

function dateOf(text: string | null): Date | null {
  const time = text === null ? Number.NaN : Date.parse(text.replace(/\([^()]*\)/g, ' ').trim())
  return Number.isNaN(time) ? null : new Date(time)
}
