import { MAX_REPETITIONS } from '../limits.ts'

/** Values of header fields by lower-case name, in order. They are unfolded, not decoded, one character per byte. */
export type Fields = ReadonlyMap<string, readonly string[]>

/** One header field: its offsets in the header, its name as written, its value unfolded with one character per byte. */
export type Field = { readonly name: string; readonly value: string; readonly start: number; readonly end: number }

const MAX_NAME_LENGTH = 200
/** RFC 5322 section 2.2. */
const NAME = /^[!-9;-~]+$/

/** Reads the fields that are named in `wanted`. Lines that are not fields are skipped. */
export function readFields(header: Uint8Array, wanted: ReadonlySet<string>): Fields {
  const fields = new Map<string, string[]>()
  for (const { name, text, colon, end } of fieldLines(header)) {
    const lower = name.toLowerCase()
    if (!wanted.has(lower)) continue
    const values = fields.get(lower)
    if (values === undefined) fields.set(lower, [unfold(text.slice(colon + 1, end))])
    else if (values.length < MAX_REPETITIONS) values.push(unfold(text.slice(colon + 1, end)))
  }
  return fields
}

/** Lists the first `max` fields. Offsets are relative to `header`. */
export function listFields(header: Uint8Array, max: number): readonly Field[] {
  const fields: Field[] = []
  for (const { name, text, start, colon, end } of fieldLines(header)) {
    if (fields.length >= max) break
    fields.push({ name, value: unfold(text.slice(colon + 1, end)), start, end })
  }
  return fields
}

type FieldLine = { name: string; text: string; start: number; colon: number; end: number }

function* fieldLines(header: Uint8Array): Generator<FieldLine> {
  const text = Buffer.from(header.buffer, header.byteOffset, header.length).toString('latin1')
  let start = 0
  while (start < text.length) {
    const end = fieldEnd(text, start)
    const colon = nameEnd(text, start, end)
    if (colon > start) {
      const name = text.slice(start, colon).trim()
      if (NAME.test(name)) yield { name, text, start, colon, end }
    }
    start = end
  }
}

/** Returns the end of a folded field: after the line feed that no white space follows (RFC 5322 section 2.2.3). */
function fieldEnd(text: string, start: number): number {
  for (let at = text.indexOf('\n', start); at >= 0; at = text.indexOf('\n', at + 1)) {
    const next = text.charCodeAt(at + 1)
    if (next !== 0x20 && next !== 0x09) return at + 1
  }
  return text.length
}

function nameEnd(text: string, start: number, end: number): number {
  const limit = Math.min(end, start + MAX_NAME_LENGTH)
  for (let at = start; at < limit; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x3a) return at
    if (code === 0x0a) return -1
  }
  return -1
}

/** Removes line breaks, and replaces bare CR and NUL by a space: they must not appear in any protocol's output. */
function unfold(raw: string): string {
  const line = raw.replace(/\r?\n/g, '')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not remain
  return line.replace(/[\r\u0000]/g, ' ').trim()
}
