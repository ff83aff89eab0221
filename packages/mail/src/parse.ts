import { decodePart } from './mime/decode.ts'
import { listFields } from './mime/fields.ts'
import { indexMessage } from './mime/indexer.ts'
import type { MessageIndex } from './mime/part.ts'
import { type Attachment, attachmentsOf, charsetOf, textParts } from './mime/readable.ts'
import { decodeBytes, decodeWords } from './mime/words.ts'
import { type ReadAddress, readAddresses } from './read-addresses.ts'

/** What people and programs read of a message. Names, subject and header values are decoded text. */
export type ReadMessage = {
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
  /** Null where the message has no such part; images are still `cid:` addresses. */
  readonly html: string | null
  readonly text: string | null
  readonly attachments: readonly Attachment[]
  readonly index: MessageIndex
}

/**
 * Reads a message. mailparser decodes the texts, and where it refuses (its limits) our own decoding stands in, so that
 * every message can be read. Attachments come from the index: their content is `decodePart` of a range of `raw`.
 */
export async function readMessage(raw: Uint8Array, known?: MessageIndex): Promise<ReadMessage> {
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
    ...(await readTexts(raw, index)),
    attachments: attachmentsOf(index),
    index,
  }
}

const MAX_HEADER_BYTES = 256 * 1024

type Texts = Pick<ReadMessage, 'html' | 'text'>

async function readTexts(raw: Uint8Array, index: MessageIndex): Promise<Texts> {
  if (index.truncated) return plainTexts(raw, index)
  try {
    const [first, ...others] = textParts(index)
    // Else the text would be the footer that a list put after an HTML body.
    const convert = first?.subtype === 'html' && others.some(({ subtype }) => subtype === 'plain')
    return await parsedTexts(readableBytes(raw, index), convert)
  } catch {
    return plainTexts(raw, index)
  }
}

/** Where a message has HTML, plain parts beside it (a list's footer) are in `html` too. */
async function parsedTexts(raw: Buffer, convertHtml: boolean): Promise<Texts> {
  // A bundler knows only the default of a CommonJS module.
  const { default: mailparser } = await import('mailparser')
  const { html, text } = await mailparser.simpleParser(raw, {
    skipHtmlToText: !convertHtml,
    skipTextLinks: true,
    keepCidLinks: true,
  })
  return { html: html || null, text: text || null }
}

/** The message without the bodies of its attachments: nobody reads them here, and they are most of the bytes. */
function readableBytes(raw: Uint8Array, index: MessageIndex): Buffer {
  const kept: Uint8Array[] = []
  let at = 0
  for (const { from, to } of attachmentsOf(index).filter((attachment) => !mayBeShown(attachment))) {
    kept.push(raw.subarray(at, from))
    at = to
  }
  kept.push(raw.subarray(at))
  return Buffer.concat(kept)
}

/** Texts with a name, and messages that mailparser may show in place. */
function mayBeShown({ contentType, disposition }: Attachment): boolean {
  return disposition !== 'attachment' && /^(text|message)\//.test(contentType)
}

function plainTexts(raw: Uint8Array, index: MessageIndex): Texts {
  const parts = textParts(index)
  const read = (subtype: string) => {
    const texts = parts
      .filter((part) => part.subtype === subtype)
      .map((part) =>
        decodeBytes(decodePart(raw.subarray(part.bodyStart, part.bodyEnd), part.encoding), charsetOf(part)),
      )
    return texts.length === 0 ? null : texts.join('\n')
  }
  return { html: read('html'), text: read('plain') }
}

function dateOf(text: string | null): Date | null {
  const time = text === null ? Number.NaN : Date.parse(text.replace(/\([^()]*\)/g, ' ').trim())
  return Number.isNaN(time) ? null : new Date(time)
}
