import { scanHtml } from './html-scan.ts'

/** Elements that begin and end a line, and those that also have an empty line before and after them. */
const LINES = new Set(
  'address article aside center dd div dt footer form header li main nav section tbody tfoot thead tr'.split(' '),
)
const PARAGRAPHS = new Set('blockquote dl figure h1 h2 h3 h4 h5 h6 ol p pre table ul'.split(' '))

/** Deeper lists and quotes look like ones of this depth. */
const MAX_INDENTS = 3
const MAX_LISTS = 100

type TextOptions = {
  /** Leaves out addresses of links, descriptions of pictures, marks of lists and quotes, and rules: for a preview. */
  readonly wordsOnly?: boolean
}

/**
 * Converts HTML to plain text: block elements are lines, list items have marks, quotes `>`, a link is followed by its
 * address in brackets, and a picture is its `alt`. Never fails, and takes time and memory in proportion to the input: one
 * pass without recursion. Text that CSS hides is not recognised as hidden.
 */
export function htmlToText(html: string, { wordsOnly = false }: TextOptions = {}): string {
  const writer = new TextWriter(wordsOnly)
  scanHtml(
    html,
    (text) => writer.text(text),
    (tag) => writer.tag(tag),
  )
  return writer.end()
}

class TextWriter {
  readonly #wordsOnly: boolean
  readonly #out: string[] = []
  /** Line ends to write before the next word. */
  #breaks = 0
  /** The last character is a blank, or nothing stands on the line yet. */
  #blank = true
  /** The last output is the mark of a list item, so that its text begins on the same line. */
  #marked = false
  #preformatted = 0
  #quotes = 0
  /** Open lists: the number of the last item, or undefined if items are not numbered. */
  readonly #lists: (number | undefined)[] = []
  #link: { readonly href: string; text: string } | undefined

  constructor(wordsOnly: boolean) {
    this.#wordsOnly = wordsOnly
  }

  text(text: string): void {
    const line = this.#preformatted > 0 ? text.replaceAll('\n', `\n${this.#quoteMark()}`) : text.replace(/\s+/g, ' ')
    const words = this.#preformatted === 0 && this.#blank ? line.trimStart() : line
    if (words === '') return
    this.#put(words)
    if (this.#link !== undefined) this.#link.text += words
    this.#blank = words.endsWith(' ')
  }

  tag(tag: string): void {
    const [, slash, written = ''] = /^<(\/?)([a-z][a-z0-9]*)/i.exec(tag) ?? []
    const name = written.toLowerCase()
    const opens = slash === ''
    if (name === 'br') this.#break(Math.min(this.#breaks + 1, 2))
    else if (name === 'hr') this.#rule()
    else if (name === 'td' || name === 'th') this.text(' ')
    else if (name === 'img') this.#picture(tag)
    else if (name === 'a') this.#anchor(opens ? attribute(tag, HREF) : '')
    else if (name === 'ul' || name === 'ol') this.#list(name, opens)
    else if (PARAGRAPHS.has(name)) this.#break(2)
    else if (LINES.has(name)) this.#break(1)
    if (name === 'pre') this.#preformatted = depth(this.#preformatted, opens)
    if (name === 'blockquote') this.#quotes = depth(this.#quotes, opens)
    if (name === 'li' && opens) this.#item()
  }

  end(): string {
    this.#anchor('')
    return this.#out.join('').trim()
  }

  #put(words: string): void {
    if (this.#out.length === 0) this.#out.push(this.#quoteMark())
    else if (this.#breaks > 0) {
      this.#out.push(this.#out.pop()!.trimEnd(), '\n'.repeat(this.#breaks), this.#quoteMark())
    }
    this.#breaks = 0
    this.#marked = false
    this.#out.push(words)
  }

  #quoteMark(): string {
    return this.#wordsOnly ? '' : '> '.repeat(Math.min(this.#quotes, MAX_INDENTS))
  }

  #break(lines: number): void {
    this.#blank = true
    if (!this.#marked) this.#breaks = Math.max(this.#breaks, lines)
  }

  #rule(): void {
    this.#break(1)
    if (!this.#wordsOnly) this.#put('-'.repeat(20))
    this.#break(1)
  }

  #picture(tag: string): void {
    if (!this.#wordsOnly) this.text(attribute(tag, ALT))
  }

  /** A list inside another has no empty lines around it. */
  #list(name: string, opens: boolean): void {
    if (!opens) this.#lists.pop()
    this.#break(this.#lists.length === 0 ? 2 : 1)
    if (opens && this.#lists.length < MAX_LISTS) this.#lists.push(name === 'ol' ? 0 : undefined)
  }

  #item(): void {
    const number = this.#lists.at(-1)
    if (number !== undefined) this.#lists[this.#lists.length - 1] = number + 1
    if (this.#wordsOnly) return
    const indent = '  '.repeat(Math.min(Math.max(this.#lists.length - 1, 0), MAX_INDENTS))
    this.#put(`${indent}${number === undefined ? '* ' : `${number + 1}. `}`)
    this.#marked = true
  }

  /** Ends the open link, and begins another if `href` is an address to show. */
  #anchor(href: string): void {
    const link = this.#link
    this.#link = undefined
    if (link !== undefined && !sameAddress(link.href, link.text)) this.text(`${this.#blank ? '' : ' '}[${link.href}]`)
    if (!this.#wordsOnly && /^(https?|mailto|tel):/i.test(href)) this.#link = { href, text: '' }
  }
}

/** Counts open elements; closing one that was not opened changes nothing. */
function depth(current: number, opens: boolean): number {
  return opens ? current + 1 : Math.max(current - 1, 0)
}

function sameAddress(href: string, text: string): boolean {
  return href.replace(/^(mailto|tel):|\/$/gi, '') === text.trim().replace(/\/$/, '')
}

const HREF = attributeNamed('href')
const ALT = attributeNamed('alt')

function attributeNamed(name: string): RegExp {
  return new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i')
}

function attribute(tag: string, pattern: RegExp): string {
  const [, double, single, bare] = pattern.exec(tag) ?? []
  return (double ?? single ?? bare ?? '').replace(/&amp;/g, '&').trim()
}
