/**
 * The texts of a message as people read them (RFC 2046 section 5.1): what stands in a multipart/alternative is one text
 * in several forms, everything else that is shown follows in its order. Total: whatever the bytes are, they are read.
 */
import { formatMailbox } from './address.ts'
import { htmlToText } from './html-to-text.ts'
import { decodePart } from './mime/decode.ts'
import type { Envelope } from './mime/envelope.ts'
import { unflow } from './mime/flowed.ts'
import { type MessageIndex, type Part, paramOf } from './mime/part.ts'
import { charsetOf, isShown } from './mime/readable.ts'
import { decodeBytes, decodeWords } from './mime/words.ts'
import { readAddresses } from './read-addresses.ts'

/** Null where the message has no such part. */
export type Texts = { readonly html: string | null; readonly text: string | null }

/**
 * A message with HTML has all of its texts in `html`, and one with plain text has all of them in `text`: what is there in
 * one form only is put into the other, so that the footer of a list isn't taken for the mail. Images stay `cid:` addresses.
 */
export function readTexts(raw: Uint8Array, index: MessageIndex): Texts {
  return new TextReader(raw).read(index.root)
}

const BREAK = '<br/>\n'
const CR = 0x0d
const LF = 0x0a
/** Characters of a message that are more than decoded: lines joined, one form made of the other. */
const MAX_WORKED = 1 << 22

type Form = 'plain' | 'html'
/** One text in the forms that it was sent in. */
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

  /** All texts in one form, if one of them was sent in it. */
  #whole(form: Form, other: Form, convert: (text: string) => string): readonly string[] | undefined {
    const has = (block: Block) => block[form].length > 0
    if (!this.#blocks.some(has)) return undefined
    return this.#blocks.flatMap((block) =>
      has(block) ? block[form] : block[other].map((text) => convert(this.#worked(text))),
    )
  }

  /** What may still be worked on; past the bound a text stays in the form that it has. */
  #worked(text: string): string {
    const begin = text.slice(0, this.#left)
    this.#left -= begin.length
    return begin
  }

  #walk(part: Part, alternative?: Block, inDigest = false): void {
    const { type, subtype, children, message, disposition } = part
    // A digest is made of messages to be read (RFC 2046 section 5.1.5); elsewhere one that doesn't say so is attached.
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

/** Text with LF ends of lines. Millions of them are replaced as bytes: in a string each would be a piece of its own. */
function decodeLines(bytes: Uint8Array, charset: string): string {
  // In UTF-16 these two bytes are a letter.
  if (/^(utf|ucs)-?(16|2)/i.test(charset)) return decodeBytes(bytes, charset).replaceAll('\r\n', '\n')
  const out = Buffer.allocUnsafe(bytes.length)
  let length = 0
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== CR || bytes[at + 1] !== LF) out[length++] = bytes[at]!
  return decodeBytes(out.subarray(0, length), charset)
}

function says(part: Part, name: string, value: string): boolean {
  return paramOf(part.params, name)?.toLowerCase() === value
}

/** What is made for machines to read is shown too where it tells what became of a message (RFC 3464 section 2). */
function formOf(part: Part): Form | undefined {
  if (isShown(part)) return part.subtype === 'html' ? 'html' : 'plain'
  const isStatus = part.type === 'message' && part.subtype === 'delivery-status'
  return isStatus && part.disposition?.type !== 'attachment' ? 'plain' : undefined
}

/** The head of a message that is shown in place. */
function headOf({ from, to, cc, subject, date }: Envelope): string {
  const lists = { From: from, To: to, Cc: cc } as const
  const named = Object.entries(lists).map(([name, list]) => [name, readAddresses(list).map(formatMailbox).join(', ')])
  const fields = [...named, ['Subject', decodeWords(subject ?? '')], ['Date', date ?? '']]
  return fields.flatMap(([name, value]) => (value ? [`${name}: ${value}\n`] : [])).join('')
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Plain text beside HTML: paragraphs and lines as they are. */
function htmlOf(text: string): string {
  const escaped = text.trim().replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char)
  return `<p>${escaped.replace(/\n\n+/g, '</p><p>').replaceAll('\n', '<br/>')}</p>`
}
