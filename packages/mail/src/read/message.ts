/**
 * Reads a message once and answers what people and programs are shown of it, as JSON to store. The index says which parts
 * there are and where; mailparser decodes them one by one. No message makes this fail: the answer names what was not
 * decoded and what a limit cut, and the raw message has it all.
 */

import { htmlToText } from '../html-to-text.ts'
import { LIMITS, MAX_SHOWN_HEADERS_BYTES, MAX_TEXT_BYTES, MAX_TEXTS_BYTES } from '../limits.ts'
import { decodeChunks } from '../mime/decode.ts'
import { messageIdsIn } from '../mime/envelope.ts'
import { paramOf } from '../mime/params.ts'
import { type MessageIndex, type Part, partsOf } from '../mime/part.ts'
import { attachmentParts, mediaTypeOf } from '../mime/readable.ts'
import { namesCharset } from './charset.ts'
import { ADDRESS_FIELDS, type HeaderReading } from './header.ts'
import { type LeafReader, readLeaf } from './leaf.ts'
import { previewOf } from './preview.ts'
import { type Form, joinTexts } from './texts.ts'

/** An attachment, with its place in the raw message. */
type ReadAttachment = {
  /** Section number of the part (RFC 9051 section 6.4.5.1). */
  readonly part: string
  readonly filename: string | null
  /** Lower case, `application/pdf`. */
  readonly contentType: string
  /** Without brackets, as in `cid:` addresses (RFC 2392). */
  readonly contentId: string | null
  /** As sent, in lower case. */
  readonly disposition: string | null
  readonly encoding: string
  /** Decoded bytes. */
  readonly size: number
  /** The encoded body is [from, to) of the raw message; `decodePart` decodes it. */
  readonly from: number
  readonly to: number
}

export type Reading = Omit<HeaderReading, 'truncated'> & {
  /** With angle brackets. */
  readonly messageId: string | null
  readonly inReplyTo: readonly string[]
  /** Oldest first; at most 100, the first of which names the thread. */
  readonly references: readonly string[]
  /** ISO 8601; null without a valid Date field. */
  readonly date: string | null
  readonly text: string | null
  readonly html: string | null
  /** The beginning of the readable text on one line (RFC 8970). */
  readonly preview: string
  readonly attachments: readonly ReadAttachment[]
  /** Names what a limit cut: an address field, `headers`, `references`, `text`, `html`, `parts`. */
  readonly truncated: readonly string[]
  /** Names what could not be decoded: `header`, or the section numbers of parts. */
  readonly undecoded: readonly string[]
}

/** Reads bytes [from, to) of the message. */
export type Range = (from: number, to: number) => AsyncIterable<Uint8Array>

/** The parts of the reading that take long for a large message. Each answers undefined for what it can't do. */
export type ReadingSteps = {
  readonly leaf: LeafReader
  readonly toText: (html: string) => Promise<string | undefined>
}
const IN_THIS_THREAD: ReadingSteps = { leaf: readLeaf, toText: async (html) => htmlToText(html) }

/** @throws whatever `range` and the steps throw; the message itself makes nothing fail */
export async function readMessage(
  index: MessageIndex,
  range: Range,
  steps: ReadingSteps = IN_THIS_THREAD,
): Promise<Reading> {
  return new MessageReader(index, range, steps).read()
}

/** Does the same for a message in memory. */
export function readBytes(index: MessageIndex, raw: Uint8Array): Promise<Reading> {
  return readMessage(index, async function* (from, to) {
    yield raw.subarray(from, to)
  })
}

class MessageReader {
  readonly #index: MessageIndex
  readonly #range: Range
  readonly #steps: ReadingSteps
  readonly #fallback: string
  readonly #truncated = new Set<string>()
  readonly #undecoded: string[] = []
  #left = MAX_TEXTS_BYTES
  #headersLeft = MAX_SHOWN_HEADERS_BYTES

  constructor(index: MessageIndex, range: Range, steps: ReadingSteps) {
    this.#index = index
    this.#range = range
    this.#steps = steps
    this.#fallback = namedCharset(index.root)
  }

  async read(): Promise<Reading> {
    const { root, references } = this.#index
    const { truncated, ...header } = (await this.#header(root, 'header')) ?? UNREAD
    for (const field of truncated) this.#truncated.add(field)
    const named = header.headers.filter(({ name }) => name.toLowerCase() === 'references')
    const all = messageIdsIn(named.map(({ value }) => value).join(' '))
    if (all.length > references.references.length) this.#truncated.add('references')
    if (this.#index.truncated) this.#truncated.add(root.truncated ? 'headers' : 'parts')
    const { html, text, cut } = await joinTexts(root, {
      text: (part, form) => this.#text(part, form),
      header: (body) => this.#shownHeader(body),
      toText: this.#steps.toText,
    })
    if (cut) this.#truncated.add('text')
    return {
      ...header,
      ...references,
      date: dateOf(header.headers.find(({ name }) => name.toLowerCase() === 'date')?.value ?? ''),
      html,
      text,
      preview: previewOf(text, html),
      attachments: await this.#attachments(),
      truncated: [...this.#truncated],
      undecoded: this.#undecoded,
    }
  }

  async #header({ headerStart, bodyStart }: Part, name: string): Promise<HeaderReading | undefined> {
    const bytes = await this.#bytes(headerStart, Math.min(bodyStart, headerStart + LIMITS.maxHeaderBytes))
    return this.#decoded(name, await this.#steps.leaf({ kind: 'header', fallback: this.#fallback }, bytes))
  }

  /** Reads the header of a message that is shown in place. */
  async #shownHeader(body: Part): Promise<HeaderReading | undefined> {
    this.#headersLeft -= body.bodyStart - body.headerStart
    if (this.#headersLeft >= 0) return this.#header(body, body.path)
    this.#truncated.add('text')
    return undefined
  }

  async #text(part: Part, form: Form): Promise<string> {
    const { path, bodyStart, bodyEnd, encoding, params } = part
    const end = Math.min(bodyEnd, bodyStart + Math.min(MAX_TEXT_BYTES, this.#left))
    this.#left -= end - bodyStart
    const bytes = await this.#bytes(bodyStart, end)
    const says = (name: string, value: string) => paramOf(params, name)?.toLowerCase() === value
    const head = {
      kind: form,
      fallback: this.#fallback,
      encoding,
      charset: paramOf(params, 'charset') ?? '',
      isCut: end < bodyEnd,
      flowed: part.subtype === 'plain' && says('format', 'flowed'),
      deleteSpaces: says('delsp', 'yes'),
    } as const
    const read = this.#decoded(path, await this.#steps.leaf(head, bytes))
    if (end < bodyEnd || read?.truncated) this.#truncated.add(form === 'html' ? 'html' : 'text')
    return read?.text ?? ''
  }

  /** Notes the name of a piece that can't be decoded: the rest of the message is still read. */
  #decoded<T>(name: string, read: T | undefined): T | undefined {
    if (read === undefined) this.#undecoded.push(name)
    return read
  }

  async #bytes(from: number, to: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    for await (const chunk of this.#range(from, to)) chunks.push(chunk)
    return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)
  }

  async #attachments(): Promise<readonly ReadAttachment[]> {
    const attachments: ReadAttachment[] = []
    for (const part of attachmentParts(this.#index)) attachments.push(await this.#attachment(part))
    return attachments
  }

  async #attachment(part: Part): Promise<ReadAttachment> {
    const { path, params, disposition, id, encoding, bodyStart, bodyEnd } = part
    const head = {
      kind: 'filename',
      fallback: this.#fallback,
      disposition: disposition?.params ?? [],
      contentType: params,
    } as const
    let size = 0
    for await (const chunk of decodeChunks(this.#range(bodyStart, bodyEnd), encoding)) size += chunk.length
    return {
      part: path,
      filename: this.#decoded(path, await this.#steps.leaf(head, new Uint8Array(0))) ?? null,
      contentType: mediaTypeOf(part),
      contentId: id === null ? null : id.trim().replace(/^<|>$/g, ''),
      disposition: disposition?.type ?? null,
      encoding,
      size,
      from: bodyStart,
      to: bodyEnd,
    }
  }
}

const NOBODY = Object.fromEntries(ADDRESS_FIELDS.map((name) => [name, []])) as unknown as Pick<
  HeaderReading,
  (typeof ADDRESS_FIELDS)[number]
>
const UNREAD: HeaderReading = { ...NOBODY, subject: '', headers: [], truncated: [] }

/** Finds the first character set that a part names. Senders of raw 8-bit headers use the same set there. */
export function namedCharset(root: Part): string {
  for (const { params } of partsOf(root)) {
    const charset = paramOf(params, 'charset')
    if (charset !== undefined && namesCharset(charset)) return charset
  }
  return ''
}

/** Answers null for an invalid date, which mailparser would take for the current time. */
function dateOf(text: string): string | null {
  const time = Date.parse(text.replace(/\([^()]*\)/g, ' ').trim())
  return Number.isNaN(time) ? null : new Date(time).toISOString()
}
