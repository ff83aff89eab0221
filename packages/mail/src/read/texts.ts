/**
 * Joins the texts of a message as people read them (RFC 2046 section 5.1): a multipart/alternative is one text in several
 * forms, and every other text that is shown follows in its order.
 */
import { formatMailbox } from '../address.ts'
import { MAX_CONVERTED } from '../limits.ts'
import type { Part } from '../mime/part.ts'
import { isShown } from '../mime/readable.ts'
import type { HeaderReading, ReadAddress } from './header.ts'

/** A form is null if no part of the message has it. */
type Texts = {
  readonly html: string | null
  readonly text: string | null
  /** True if a text was not converted into the other form, or only its beginning. */
  readonly cut: boolean
}

export type Form = 'plain' | 'html'
/** Decodes the parts that are shown. An empty text counts as none. */
type PartReader = {
  text(part: Part, form: Form): Promise<string>
  /** Decodes the header of a message that is shown in place; undefined if that fails. */
  header(body: Part): Promise<HeaderReading | undefined>
  /** Converts HTML to plain text; undefined if that takes too long. */
  toText(html: string): Promise<string | undefined>
}

/**
 * A message with HTML has all of its texts in `html`, and one with plain text has all of them in `text`: what is there in
 * one form only is put into the other, so that the footer of a list isn't taken for the mail. Images stay `cid:` addresses.
 */
export async function joinTexts(root: Part, reader: PartReader): Promise<Texts> {
  const blocks = new BlockReader(reader)
  await blocks.walk(root)
  return blocks.joined()
}

const BREAK = '<br/>\n'

/** One text in the forms that it was sent in. */
type Block = Readonly<Record<Form, string[]>>

class BlockReader {
  readonly #reader: PartReader
  readonly #blocks: Block[] = []
  #left = MAX_CONVERTED
  #cut = false

  constructor(reader: PartReader) {
    this.#reader = reader
  }

  async walk(part: Part, alternative?: Block, inDigest = false): Promise<void> {
    const { type, subtype, children, message, disposition } = part
    // A digest is made of messages to be read (RFC 2046 section 5.1.5); elsewhere one that doesn't say so is attached.
    if (message !== null && (disposition?.type ?? (inDigest ? 'inline' : '')) === 'inline') {
      const header = await this.#reader.header(message.body)
      this.#add('plain', header === undefined ? '' : headOf(header), alternative)
      await this.walk(message.body, alternative)
    }
    const form = children.length === 0 ? formOf(part) : undefined
    if (form !== undefined) this.#add(form, await this.#reader.text(part, form), alternative)
    const inner = alternative ?? (type === 'multipart' && subtype === 'alternative' ? this.#begin() : undefined)
    for (const child of children) await this.walk(child, inner, type === 'multipart' && subtype === 'digest')
  }

  async joined(): Promise<Texts> {
    const html = await this.#whole('html', 'plain', async (text) => htmlOf(text))
    const plain = await this.#whole('plain', 'html', (text) => this.#reader.toText(text))
    return { html: html?.join(BREAK) ?? null, text: plain?.join('\n') ?? null, cut: this.#cut }
  }

  /** Returns all texts in one form, if at least one of them was sent in it. */
  async #whole(
    form: Form,
    other: Form,
    convert: (text: string) => Promise<string | undefined>,
  ): Promise<readonly string[] | undefined> {
    const has = (block: Block) => block[form].length > 0
    if (!this.#blocks.some(has)) return undefined
    const whole: string[] = []
    for (const block of this.#blocks) {
      if (has(block)) whole.push(...block[form])
      else for (const text of block[other]) whole.push((await convert(this.#beginning(text))) ?? this.#leftOut())
    }
    return whole
  }

  #leftOut(): string {
    this.#cut = true
    return ''
  }

  /** Returns the part of a text that may still be converted. */
  #beginning(text: string): string {
    const begin = text.slice(0, this.#left)
    this.#left -= begin.length
    if (begin.length < text.length) this.#cut = true
    return begin
  }

  #begin(): Block {
    const block: Block = { plain: [], html: [] }
    this.#blocks.push(block)
    return block
  }

  #add(form: Form, text: string, alternative?: Block): void {
    if (text !== '') (alternative ?? this.#begin())[form].push(text)
  }
}

/** Tells in which form a part is shown; undefined if it is not. Delivery status is shown too (RFC 3464, RFC 6533). */
function formOf(part: Part): Form | undefined {
  if (isShown(part)) return part.subtype === 'html' ? 'html' : 'plain'
  const isStatus = part.type === 'message' && /^(global-)?delivery-status$/.test(part.subtype)
  return isStatus && part.disposition?.type !== 'attachment' ? 'plain' : undefined
}

/** Writes the head of a message that is shown in place. */
function headOf({ from, to, cc, subject, headers }: HeaderReading): string {
  const listed = (list: readonly ReadAddress[]) => list.map(formatMailbox).join(', ')
  const date = headers.find(({ name }) => name.toLowerCase() === 'date')?.value
  const lines = { From: listed(from), To: listed(to), Cc: listed(cc), Subject: subject, Date: date }
  return Object.entries(lines)
    .flatMap(([name, value]) => (value ? [`${name}: ${value}\n`] : []))
    .join('')
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Plain text beside HTML: paragraphs and lines as they are. */
function htmlOf(text: string): string {
  const escaped = text.trim().replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char)
  return `<p>${escaped.replace(/\n\n+/g, '</p><p>').replaceAll('\n', '<br/>')}</p>`
}
