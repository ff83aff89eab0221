/**
 * Reads the texts of a message (RFC 2046 section 5.1): a multipart/alternative is one text in several forms, and other
 * texts follow in their order. Reads any bytes without failing.
 */
import { formatMailbox } from './address.ts'
import { htmlToText } from './html-to-text.ts'
import { readAddresses } from './mime/addresses.ts'
import { decodePart } from './mime/decode.ts'
import type { Envelope } from './mime/envelope.ts'
import { unflow } from './mime/flowed.ts'
import { type MessageIndex, type Part, paramOf } from './mime/part.ts'
import { charsetOf, isShown } from './mime/readable.ts'
import { decodeBytes, decodeWords } from './mime/words.ts'

/** Null if the message has no such part. */
export type Texts = { readonly html: string | null; readonly text: string | null }

/**
 * Puts all texts into `html` if the message has HTML, and all into `text` if it has plain text. A text that is there in one
 * form only is converted, so that the footer of a mailing list is not taken for the whole mail. Images stay `cid:`
 * addresses.
 */
export function readTexts(raw: Uint8Array, index: MessageIndex): Texts {
  return new TextReader(raw).read(index.root)
}

const BREAK = '<br/>\n'
const CR = 0x0d
const LF = 0x0a
/** Bounds the characters that are converted or unflowed; the rest of a message is only decoded. */
const MAX_WORKED = 1 << 22

type Form = 'plain' | 'html'
/** One text, in each form that was sent. */
type Block = Readonly<Record<Form, string[]>>

class TextReader {
  readonly #raw: Uint8Array
  readonly #blocks: Block[] = []
  #left = MAX_WORKED

  constructor(raw: Uint8Array) {
    this.#raw = raw
  }

  read(root: Part): Texts {
    this.#walk(root)
    const html = this.#whole('html', 'plain', htmlOf)
    const plain = this.#whole('plain', 'html', htmlToText)
    return { html: html?.join(BREAK) ?? null, text: plain?.join('\n') ?? null }
  }

  /** Returns all texts in one form, if at least one was sent in it. */
  #whole(form: Form, other: Form, convert: (text: string) => string): readonly string[] | undefined {
    const has = (block: Block) => block[form].length > 0
    if (!this.#blocks.some(has)) return undefined
    return this.#blocks.flatMap((block) =>
      has(block) ? block[form] : block[other].map((text) => convert(this.#worked(text))),
    )
  }

  /** Cuts a text to what may still be converted. */
  #worked(text: string): string {
    const begin = text.slice(0, this.#left)
    this.#left -= begin.length
    return begin
  }

  #walk(part: Part, alternative?: Block, inDigest = false): void {
    const { type, subtype, children, message, disposition } = part
    // In a digest a message is shown in place (RFC 2046 section 5.1.5); elsewhere only if its disposition is inline.
    if (message !== null && (disposition?.type ?? (inDigest ? 'inline' : '')) === 'inline') {
      this.#add('plain', headOf(message.envelope), alternative)
      this.#walk(message.body, alternative)
    }
    const form = children.length === 0 ? formOf(part) : undefined
    if (form !== undefined) this.#add(form, this.#textOf(part), alternative)
    const inner = alternative ?? (type === 'multipart' && subtype === 'alternative' ? this.#begin() : undefined)
    for (const child of children) this.#walk(child, inner, type === 'multipart' && subtype === 'digest')
  }

  #begin(): Block {
    const block: Block = { plain: [], html: [] }
    this.#blocks.push(block)
    return block
  }

  #add(form: Form, text: string, alternative?: Block): void {
    if (text !== '') (alternative ?? this.#begin())[form].push(text)
  }

  #textOf(part: Part): string {
    const bytes = decodePart(this.#raw.subarray(part.bodyStart, part.bodyEnd), part.encoding)
    const text = decodeLines(bytes, charsetOf(part))
    if (part.subtype !== 'plain' || !says(part, 'format', 'flowed') || text.length > this.#left) return text
    return unflow(this.#worked(text), says(part, 'delsp', 'yes'))
  }
}

/** Decodes text and makes CRLF an LF. Replaces bytes, since a string of millions of pieces takes far more memory. */
function decodeLines(bytes: Uint8Array, charset: string): string {
  // In UTF-16 the bytes of CR and LF may be one letter.
  if (/^(utf|ucs)-?(16|2)/i.test(charset)) return decodeBytes(bytes, charset).replaceAll('\r\n', '\n')
  const out = Buffer.allocUnsafe(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== CR || bytes[at + 1] !== LF) out[length++] = bytes[at]!
  return decodeBytes(out.subarray(0, length), charset)
}

function says(part: Part, name: string, value: string): boolean {
  return paramOf(part.params, name)?.toLowerCase() === value
}

/** Tells in which form a part is shown. Delivery status (RFC 3464 section 2) is shown as plain text. */
function formOf(part: Part): Form | undefined {
  if (isShown(part)) return part.subtype === 'html' ? 'html' : 'plain'
  const isStatus = part.type === 'message' && part.subtype === 'delivery-status'
  return isStatus && part.disposition?.type !== 'attachment' ? 'plain' : undefined
}

/** Writes the header that is shown before a message inside the message. */
function headOf({ from, to, cc, subject, date }: Envelope): string {
  const lists = { From: from, To: to, Cc: cc } as const
  const named = Object.entries(lists).map(([name, list]) => [name, readAddresses(list).map(formatMailbox).join(', ')])
  const fields = [...named, ['Subject', decodeWords(subject ?? '')], ['Date', date ?? '']]
  return fields.flatMap(([name, value]) => (value ? [`${name}: ${value}\n`] : [])).join('')
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Converts plain text to HTML; paragraphs and lines stay. */
function htmlOf(text: string): string {
  const escaped = text.trim().replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char)
  return `<p>${escaped.replace(/\n\n+/g, '</p><p>').replaceAll('\n', '<br/>')}</p>`
}
