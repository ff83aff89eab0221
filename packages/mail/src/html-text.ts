import { scanHtml } from './mime/html.ts'

/** Elements that stand on lines of their own, and those with an empty line around them. */
const LINES = new Set(
  'address article aside center dd div dt footer form header li main nav section tbody tfoot thead tr'.split(' '),
)
const PARAGRAPHS = new Set('blockquote dl figure h1 h2 h3 h4 h5 h6 ol p pre table ul'.split(' '))

/**
 * HTML as people read it where no plain text stands beside it: one line for what is shown on lines of its own, lists
 * with their marks, links with their address, pictures by what they say of themselves.
 */
export function readableText(html: string): string {
  const reader = new HtmlReader()
  scanHtml(
    html,
    (text) => reader.text(text),
    (tag) => reader.tag(tag),
  )
  return reader.whole()
}

class HtmlReader {
  readonly #out: string[] = []
  /** Line ends before the next word. */
  #breaks = 0
  #blank = true
  /** The mark of an item was the last: its text begins beside it. */
  #marked = false
  #preformatted = 0
  /** The number of the last item; undefined where items have none. */
  readonly #lists: (number | undefined)[] = []
  #link: { readonly href: string; text: string } | undefined

  text(text: string): void {
    const line = this.#preformatted > 0 ? text : text.replace(/\s+/g, ' ')
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
    else if (name === 'img') this.text(attribute(tag, 'alt'))
    else if (name === 'a') this.#anchor(opens ? attribute(tag, 'href') : '')
    else if (PARAGRAPHS.has(name)) this.#break(2)
    else if (LINES.has(name)) this.#break(1)
    if (name === 'pre') this.#preformatted = Math.max(0, this.#preformatted + (opens ? 1 : -1))
    if (name === 'ul' || name === 'ol') this.#list(name, opens)
    if (name === 'li' && opens) this.#item()
  }

  whole(): string {
    this.#anchor('')
    return this.#out.join('').trim()
  }

  #put(words: string): void {
    if (this.#breaks > 0 && this.#out.length > 0) this.#out.push(this.#out.pop()!.trimEnd(), '\n'.repeat(this.#breaks))
    this.#breaks = 0
    this.#marked = false
    this.#out.push(words)
  }

  #break(lines: number): void {
    this.#blank = true
    if (!this.#marked) this.#breaks = Math.max(this.#breaks, lines)
  }

  #rule(): void {
    this.#break(1)
    this.#put('-'.repeat(40))
    this.#break(1)
  }

  #list(name: string, opens: boolean): void {
    // Far more lists than anyone nests are one.
    if (opens && this.#lists.length < 100) this.#lists.push(name === 'ol' ? 0 : undefined)
    else this.#lists.pop()
  }

  #item(): void {
    const number = this.#lists.at(-1)
    if (number !== undefined) this.#lists[this.#lists.length - 1] = number + 1
    this.#put(number === undefined ? ' * ' : ` ${number + 1}. `)
    this.#marked = true
  }

  /** Ends a link, and begins another if there is an address. */
  #anchor(href: string): void {
    const link = this.#link
    this.#link = undefined
    if (link !== undefined && !sameAddress(link.href, link.text)) this.text(`${this.#blank ? '' : ' '}[${link.href}]`)
    if (/^(https?|mailto|tel):/i.test(href)) this.#link = { href, text: '' }
  }
}

function sameAddress(href: string, text: string): boolean {
  return href.replace(/^(mailto|tel):|\/$/gi, '') === text.trim().replace(/\/$/, '')
}

function attribute(tag: string, name: string): string {
  const [, double, single, bare] =
    new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag) ?? []
  return (double ?? single ?? bare ?? '').replace(/&amp;/g, '&').trim()
}
