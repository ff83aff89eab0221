import { MAX_PARAMETERS } from '../limits.ts'

/** Parameters in order, as written but for quotes and comments, with one character per byte. */
export type Params = readonly (readonly [name: string, value: string])[]

/** A structured field; its value is in lower case, without comments. */
type Structured = { readonly value: string; readonly params: Params }

/**
 * Blanks before a parameter whose semicolon is missing. Outlook reads such fields, so senders do not notice. A run is tried
 * from its first blank alone: from each, 40 KB of blanks would take seconds.
 */
const GAP = /(?:,|(?<!\s))\s+(?=[\w*-]{1,40}=)/g
/** The same after a file name without quotes, which may contain blanks and equals signs. */
const GAP_AFTER_NAME = /(?:,|(?<!\s))\s+(?=(?:filename|name|charset|size|boundary|format|[\w-]+-date)[*\d]*=)/gi

/** Reads `value; name=value; ...` (RFC 2045 section 5.1). Accepts malformed input and never throws. */
export function parseStructured(raw: string): Structured {
  const semicolon = raw.indexOf(';')
  const head = semicolon < 0 ? raw : raw.slice(0, semicolon)
  const end = head.includes('(') ? head.length : gapAfter(head.trimEnd(), head.search(/\S/), GAP)
  return { value: withoutComments(head.slice(0, end)).trim().toLowerCase(), params: paramsIn(raw, end) }
}

/** Finds the first gap at or after `from`; the length of the text if there is none. */
function gapAfter(text: string, from: number, gap: RegExp): number {
  gap.lastIndex = Math.max(0, from)
  return gap.exec(text)?.index ?? text.length
}

/** Comments (RFC 5322 section 3.2.2) are not part of a value. */
export function withoutComments(text: string): string {
  if (!text.includes('(')) return text
  let depth = 0
  let out = ''
  for (const char of text) {
    if (char === '(') depth++
    else if (char === ')') depth = Math.max(0, depth - 1)
    else if (depth === 0) out += char
  }
  return out
}

function paramsIn(raw: string, from: number): Params {
  const params: [string, string][] = []
  let at = from
  while (at < raw.length && params.length < MAX_PARAMETERS) {
    const equals = raw.indexOf('=', at)
    if (equals < 0) break
    const between = raw.slice(at, equals)
    const clean = withoutComments(between.slice(between.lastIndexOf(';') + 1))
      .replace(/^[\s,]+/, '')
      .trimEnd()
    const { value, next } = valueAt(raw, equals + 1, /name/i.test(clean))
    if (clean !== '') params.push([clean, value])
    at = next
  }
  return params
}

/** Reads a quoted value, or all up to the semicolon: file names often have blanks and parentheses without quotes. */
function valueAt(raw: string, from: number, isName: boolean): { value: string; next: number } {
  let start = from
  while (raw[start] === ' ' || raw[start] === '\t') start++
  const isQuoted = raw[start] === '"'
  const { text, end } = isQuoted ? quoted(raw, start) : { text: '', end: start }
  const semicolon = raw.indexOf(';', end)
  const limit = semicolon < 0 ? raw.length : semicolon
  const next = gapAfter(raw.slice(0, limit), end, isName && !isQuoted ? GAP_AFTER_NAME : GAP)
  if (isQuoted) return { value: text, next }
  const bare = raw.slice(start, next)
  return { value: (isName ? bare : withoutComments(bare)).trim(), next }
}

/** Reads the quoted string at `start`. A backslash only escapes `"` and `\`; another one belongs to a path. */
function quoted(raw: string, start: number): { text: string; end: number } {
  let text = ''
  let from = start + 1
  for (let at = from; at < raw.length; at++) {
    const char = raw[at]
    if (char === '"') return { text: text + raw.slice(from, at), end: at + 1 }
    if (char === '\\' && (raw[at + 1] === '"' || raw[at + 1] === '\\')) {
      text += raw.slice(from, at)
      from = ++at
    }
  }
  return { text: text + raw.slice(from), end: raw.length }
}

type Segment = { readonly index: number; readonly encoded: boolean; readonly value: string }

/**
 * Finds a parameter by its lower-case name and answers its value with one character per byte. Segments are joined and
 * unescaped up to the first missing one (RFC 2231 section 3): some programs split even the boundary. The plain form wins.
 */
export function paramOf(params: Params, name: string): string | undefined {
  const segments: Segment[] = []
  for (const [written, value] of params) {
    const [, base = written, index, star] = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(written) ?? []
    if (base.toLowerCase() !== name) continue
    if (index === undefined && star === undefined) return value
    segments.push({ index: Number(index ?? 0), encoded: star !== undefined, value })
  }
  return segments.length === 0 ? undefined : joined(segments)
}

function joined(segments: Segment[]): string {
  segments.sort((a, b) => a.index - b.index)
  const first = segments[0]!.index
  const usable = segments.filter(({ index }, position) => index === first + position)
  const values = usable.map(({ encoded, value }) => (encoded ? unescaped(value) : value))
  return usable[0]!.encoded ? values.join('').replace(/^[^']*'[^']*'/, '') : values.join('')
}

function unescaped(value: string): string {
  return value.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
