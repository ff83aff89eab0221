import { decodePart } from './decode.ts'
import type { MessageIndex, Part } from './part.ts'
import { charsetOf, readablePart } from './readable.ts'
import { decodeBytes } from './words.ts'

/** RFC 8970 section 3.1. */
export const MAX_PREVIEW_LENGTH = 200
/** Body bytes that a preview needs: style sheets come first. */
export const PREVIEW_BYTES = 64 * 1024

/** The beginning of what one reads in a message, on one line, at most 200 characters; empty if there is no text. */
export function previewOf(index: MessageIndex, raw: Uint8Array): string {
  const part = readablePart(index)
  return part === undefined ? '' : preview(part, raw.subarray(part.bodyStart, part.bodyEnd))
}

/** `previewOf` for a part whose body was read by range: the first `PREVIEW_BYTES` of it will do. */
export function preview(part: Part, body: Uint8Array): string {
  const text = decodeBytes(decodePart(body.subarray(0, PREVIEW_BYTES), part.encoding), charsetOf(part))
  return oneLine(part.subtype === 'html' ? textOfHtml(text) : text)
}

/** White space, and the invisible characters that newsletters pad their first line with. */
const BLANK = /(?:[[\s\p{Cc}\p{Cf}\u115f]--[\u200d]]|\u034f)+/gv

/** More is rarely blank. */
const GLANCE_LENGTH = 1000

function oneLine(text: string): string {
  const glance = withoutBlanks(text.slice(0, GLANCE_LENGTH))
  // A blank or a pair that the cut went through is at its very end.
  const line = glance.length > 2 * MAX_PREVIEW_LENGTH + 1 ? glance : withoutBlanks(text)
  return Array.from(line.slice(0, 2 * MAX_PREVIEW_LENGTH))
    .slice(0, MAX_PREVIEW_LENGTH)
    .join('')
    .trimEnd()
}

const withoutBlanks = (text: string) => text.replace(BLANK, ' ').trim()

const SKIPPED = /^<(style|script|title|head|template)(?=[\s>/])/i

/** Text between the tags, for a glance and not for reading: one pass, and an element that isn't closed hides the rest. */
export function textOfHtml(html: string): string {
  const lower = html.toLowerCase()
  let out = ''
  let at = 0
  while (at < html.length) {
    const tag = html.indexOf('<', at)
    if (tag < 0) return entities(out + html.slice(at))
    out += `${html.slice(at, tag)}${isTag(html, tag) ? ' ' : '<'}`
    const end = isTag(html, tag) ? tagEnd(html, lower, tag) : tag + 1
    if (end < 0) break
    at = end
  }
  return entities(out)
}

function isTag(html: string, at: number): boolean {
  return /[a-z!/?]/i.test(html[at + 1] ?? '')
}

function tagEnd(html: string, lower: string, tag: number): number {
  if (html.startsWith('<!--', tag)) return after(html, '-->', tag)
  const skipped = SKIPPED.exec(html.slice(tag, tag + 12))
  if (skipped === null) return after(html, '>', tag)
  const close = lower.indexOf(`</${skipped[1]!.toLowerCase()}`, tag)
  return close < 0 ? -1 : after(html, '>', close)
}

function after(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from)
  return at < 0 ? -1 : at + mark.length
}

const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  copy: '©',
  reg: '®',
  euro: '€',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  zwnj: '',
  zwj: '',
  shy: '',
  middot: '·',
  bull: '•',
}

function entities(text: string): string {
  return text.replace(
    /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{1,10}));?/gi,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return NAMED[name.toLowerCase()] ?? whole
      const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : ' '
    },
  )
}
