import { MAX_PARAMETERS } from './limits.ts'
import { type Params, paramOf } from './part.ts'
import { decodeBytes, decodeWords, percentBytes, textOf } from './words.ts'

/** A structured field: its value, its parameters as text, and the boundary with one character per byte. */
export type Structured = { readonly value: string; readonly params: Params; readonly boundary: string | undefined }

type Raw = { readonly name: string; readonly value: string }

/** Reads `value; name=value; ...` (RFC 2045 section 5.1). Accepts malformed input and never throws. */
export function parseStructured(raw: string): Structured {
  const semicolon = raw.indexOf(';')
  const head = semicolon < 0 ? raw : raw.slice(0, semicolon)
  const pairs = semicolon < 0 ? [] : rawParams(raw, semicolon + 1)
  const params = joined(pairs)
  const boundary = pairs.find(({ name }) => name.toLowerCase() === 'boundary')?.value ?? piecedBoundary(params)
  return { value: withoutComments(head).trim().toLowerCase(), params, boundary }
}

/** Some programs split even the boundary (RFC 2231 section 3). */
function piecedBoundary(params: Params): string | undefined {
  const text = paramOf(params, 'boundary')
  return text === undefined ? undefined : Buffer.from(text).toString('latin1')
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

function rawParams(raw: string, from: number): readonly Raw[] {
  const pairs: Raw[] = []
  let at = from
  while (at < raw.length && pairs.length < MAX_PARAMETERS) {
    const equals = raw.indexOf('=', at)
    if (equals < 0) break
    const name = raw.slice(raw.lastIndexOf(';', equals) >= at ? raw.lastIndexOf(';', equals) + 1 : at, equals)
    const clean = withoutComments(name).trim()
    const { value, next } = rawValue(raw, equals + 1, /name/i.test(clean))
    if (clean !== '') pairs.push({ name: clean, value })
    at = next
  }
  return pairs
}

/** Reads a quoted value, or all up to the semicolon: file names often have blanks and parentheses without quotes. */
function rawValue(raw: string, from: number, isName: boolean): { value: string; next: number } {
  let start = from
  while (raw[start] === ' ' || raw[start] === '\t') start++
  if (raw[start] === '"') {
    const { text, end } = quoted(raw, start)
    const semicolon = raw.indexOf(';', end)
    return { value: text, next: semicolon < 0 ? raw.length : semicolon + 1 }
  }
  const semicolon = raw.indexOf(';', start)
  const next = semicolon < 0 ? raw.length : semicolon
  const bare = raw.slice(start, next)
  return { value: (isName ? bare : withoutComments(bare)).trim(), next: next + 1 }
}

/** Reads the quoted string at `start`. A backslash only escapes `"` and `\`; another one belongs to a path. */
export function quoted(raw: string, start: number): { text: string; end: number } {
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

/** Joins continuations and decodes (RFC 2231 sections 3 and 4); the extended form wins over the plain one. */
function joined(pairs: readonly Raw[]): Params {
  const out = new Map<string, { name: string; plain?: string; segments: Segment[] }>()
  for (const { name, value } of pairs) {
    const [, base = name, index, star] = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(name) ?? []
    const key = base.toLowerCase()
    const entry = out.get(key) ?? { name: base, segments: [] }
    if (index === undefined && star === undefined) entry.plain ??= value
    else entry.segments.push({ index: Number(index ?? 0), encoded: star !== undefined, value })
    out.set(key, entry)
  }
  return [...out.values()].map(({ name, plain, segments }) => [
    name,
    segments.length > 0 ? joinSegments(segments) : plainText(plain ?? '', name),
  ])
}

function plainText(raw: string, name: string): string {
  const text = textOf(raw)
  // A boundary is compared byte for byte.
  return name.toLowerCase() === 'boundary' ? text : decodeWords(text)
}

function joinSegments(segments: Segment[]): string {
  segments.sort((a, b) => a.index - b.index)
  // A missing segment ends the value.
  const usable = segments.filter(({ index }, position) => index === position)
  const first = (usable.length > 0 ? usable : segments)[0]!
  const [, charset = '', rest = first.value] = (first.encoded && /^([^']*)'[^']*'(.*)$/s.exec(first.value)) || []
  const all = [{ ...first, value: rest }, ...usable.slice(1)]
  if (!all.some(({ encoded }) => encoded)) return decodeWords(textOf(all.map(({ value }) => value).join('')))
  const bytes = all.map(({ value, encoded }) =>
    encoded ? percentBytes(textOf(value), '%') : Buffer.from(value, 'latin1'),
  )
  return decodeBytes(Buffer.concat(bytes), charset)
}
