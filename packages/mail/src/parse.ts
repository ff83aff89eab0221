import { type ReadAddress, readAddresses } from './mime/addresses.ts'
import { listFields } from './mime/fields.ts'
import { indexMessage } from './mime/indexer.ts'
import type { MessageIndex } from './mime/part.ts'
import { type Attachment, attachmentsOf } from './mime/readable.ts'
import { decodeWords } from './mime/words.ts'
import { readTexts, type Texts } from './texts.ts'

/** A message as people and programs read it: names, subject and header values are decoded. */
export type ReadMessage = Texts & {
  readonly subject: string
  readonly from: readonly ReadAddress[]
  readonly to: readonly ReadAddress[]
  readonly cc: readonly ReadAddress[]
  readonly bcc: readonly ReadAddress[]
  /** Empty if the message has no Reply-To. */
  readonly replyTo: readonly ReadAddress[]
  readonly date: Date | null
  /** With angle brackets. */
  readonly messageId: string | null
  readonly inReplyTo: readonly string[]
  readonly references: readonly string[]
  /** In the order of the message, names as written; at most 1,000. */
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly attachments: readonly Attachment[]
  readonly index: MessageIndex
}

/**
 * Reads any message without failing. Texts and attachments both come from the index, so they cannot disagree on what a
 * part is. The content of an attachment is `decodePart` of a range of `raw`.
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
