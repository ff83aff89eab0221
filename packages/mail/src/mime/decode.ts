import { Base64Decoder, decodeBase64 } from './base64.ts'

const EQUALS = 0x3d
const LF = 0x0a

/**
 * Undoes the Content-Transfer-Encoding of a part's body (RFC 2045 section 6). Never throws: characters outside the
 * alphabet are skipped, a broken escape is kept, and an unknown encoding counts as none.
 */
export function decodePart(body: Uint8Array, encoding: string): Uint8Array {
  if (encoding === 'base64') return decodeBase64(body)
  const decoder = new PartDecoder(encoding)
  const head = decoder.push(body)
  const tail = decoder.finish()
  return tail.length === 0 ? head : Buffer.concat([head, tail])
}

/** Does the same in chunks, for downloads of any size. Holds about three chunks. */
export async function* decodeChunks(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  encoding: string,
): AsyncGenerator<Uint8Array> {
  const decoder = new PartDecoder(encoding)
  for await (const chunk of chunks) {
    const bytes = decoder.push(chunk)
    if (bytes.length > 0) yield bytes
  }
  const rest = decoder.finish()
  if (rest.length > 0) yield rest
}

/** Decodes a part that comes in chunks. */
class PartDecoder {
  readonly #encoding: string
  readonly #base64 = new Base64Decoder()
  #bytes: Uint8Array = new Uint8Array(0)

  constructor(encoding: string) {
    this.#encoding = encoding
  }

  push(chunk: Uint8Array): Uint8Array {
    if (this.#encoding === 'base64') return this.#base64.push(chunk)
    if (this.#encoding === 'quoted-printable') return this.#quotedPrintable(chunk)
    return chunk
  }

  finish(): Uint8Array {
    return this.#encoding === 'quoted-printable' ? unquote(this.#bytes) : new Uint8Array(0)
  }

  /** Decodes whole lines, since trailing blanks and soft breaks are only known at the end of a line. */
  #quotedPrintable(chunk: Uint8Array): Uint8Array {
    const bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    const end = safeEnd(bytes)
    this.#bytes = new Uint8Array(bytes.subarray(end))
    return unquote(bytes.subarray(0, end))
  }
}

const MAX_HELD = 1000

/** Up to the last line feed; in a line far too long, before anything that more bytes could change. */
function safeEnd(bytes: Uint8Array): number {
  const lineEnd = bytes.lastIndexOf(LF) + 1
  if (bytes.length - lineEnd <= MAX_HELD) return lineEnd
  let end = bytes.length
  const least = Math.max(lineEnd, end - MAX_HELD)
  while (end > least && isOpen(bytes, end)) end--
  return end
}

function isOpen(bytes: Uint8Array, end: number): boolean {
  const last = bytes[end - 1]!
  return isSpace(last) || last === 0x0d || last === EQUALS || bytes[end - 2] === EQUALS
}

/** RFC 2045 section 6.7. */
function unquote(bytes: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(bytes.length)
  let length = 0
  let at = 0
  while (at < bytes.length) {
    const byte = bytes[at]!
    const code = byte === EQUALS ? escaped(bytes, at) : byte
    const skipped = byte === EQUALS && code < 0 ? softBreak(bytes, at + 1) : trailing(bytes, at)
    if (skipped > 0) at += skipped
    else {
      // An `=` that begins neither an escape nor a soft break is kept.
      out[length++] = code < 0 ? byte : code
      at += byte === EQUALS && code >= 0 ? 3 : 1
    }
  }
  return out.subarray(0, length)
}

/** The byte that `=XX` stands for, or -1. */
function escaped(bytes: Uint8Array, at: number): number {
  const high = hex(bytes[at + 1])
  const low = hex(bytes[at + 2])
  return high < 0 || low < 0 ? -1 : (high << 4) | low
}

/** Bytes of a soft line break, its `=` before `at` included; 0 if it is none. A part may end in one. */
function softBreak(bytes: Uint8Array, at: number): number {
  const end = at + blanks(bytes, at)
  if (end >= bytes.length) return end + 1 - at
  if (bytes[end] === LF) return end + 2 - at
  return bytes[end] === 0x0d && bytes[end + 1] === LF ? end + 3 - at : 0
}

/** Bytes of blanks at `at` that end a line: they were added on the way (rule 3). */
function trailing(bytes: Uint8Array, at: number): number {
  if (!isSpace(bytes[at]!) || (at > 0 && isSpace(bytes[at - 1]!))) return 0
  const run = blanks(bytes, at)
  return endsLine(bytes, at + run) ? run : 0
}

function blanks(bytes: Uint8Array, at: number): number {
  let end = at
  while (end < bytes.length && isSpace(bytes[end]!)) end++
  return end - at
}

function endsLine(bytes: Uint8Array, at: number): boolean {
  return at >= bytes.length || bytes[at] === LF || (bytes[at] === 0x0d && bytes[at + 1] === LF)
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09
}

function hex(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
