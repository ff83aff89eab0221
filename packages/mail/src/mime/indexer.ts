import { LIMITS, type Limits, MAX_BOUNDARY_BYTES } from '../limits.ts'
import type { MessageIndex } from './part.ts'
import { LineScanner } from './scan.ts'
import { PartTree, type Place } from './tree.ts'

const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d
const EMPTY = new Uint8Array(0)
/** Room for a delimiter line: dashes, boundary, dashes, and white space (RFC 2046 section 5.1.1). */
const MAX_DELIMITER_BYTES = MAX_BOUNDARY_BYTES + 100

/**
 * Finds the parts of a message (RFC 2045, 2046, 5322) and never fails. A line ends with LF; a CR before it is part of the
 * line break. Takes time in proportion to the bytes. Memory is bounded by
 * `maxIndexLength` and by 1 KB for each part.
 */
export function indexMessage(raw: Uint8Array, limits: Partial<Limits> = {}): MessageIndex {
  const indexer = new MimeIndexer(limits)
  indexer.push(raw)
  return indexer.finish()
}

/** Indexes a message in chunks: `push` each, then `finish` once. A chunk may be overwritten after `push`. */
export class MimeIndexer {
  readonly #limits: Limits
  readonly #tree: PartTree
  #scanner = new LineScanner(EMPTY, 0)
  /** Offset of the scanner's first byte. */
  #base = 0
  /** An incomplete line, to be read together with the next chunk. */
  #carry = EMPTY
  #atLineStart = true
  /** The byte before the scanner's first one; if it is a line feed, `#lastBreakHasCr` tells whether a CR is before it. */
  #last = LF
  #lastBreakHasCr = false
  /** Header bytes of earlier chunks, up to the limit. */
  #header: Uint8Array[] = []
  #headerBytes = 0
  /** Index in the scanner's bytes where the header continues. */
  #headerFrom = 0

  constructor(limits: Partial<Limits> = {}) {
    this.#limits = { ...LIMITS, ...limits }
    this.#tree = new PartTree(this.#limits)
  }

  push(chunk: Uint8Array): void {
    if (chunk.length > 0) this.#read(this.#carry.length > 0 ? Buffer.concat([this.#carry, chunk]) : chunk)
  }

  finish(): MessageIndex {
    const end = this.#carry.length
    this.#scanner = new LineScanner(this.#carry, this.#scanner.lines)
    if (end > 0) this.#lastLine(end)
    this.#endHeaders(end)
    return this.#tree.finish({ offset: this.#base + end, lines: this.#scanner.lines })
  }

  #read(bytes: Uint8Array): void {
    this.#scanner = new LineScanner(bytes, this.#scanner.lines)
    let at = 0
    let whole = this.#atLineStart
    for (;;) {
      if (whole) {
        const next = this.#line(at)
        if (next < 0) break
        if (next > at) {
          at = next
          continue
        }
      }
      const watch = this.#tree.inHeader ? 'header' : this.#tree.delimited ? 'delimiters' : 'nothing'
      const lf = this.#scanner.next(at, watch)
      whole = lf >= 0
      at = whole ? lf + 1 : bytes.length
      if (!whole) break
    }
    this.#keep(bytes, at, whole)
  }

  /** Keeps the incomplete line [at, end) and the state at `at` for the next chunk. */
  #keep(bytes: Uint8Array, at: number, whole: boolean): void {
    if (this.#tree.inHeader) this.#collectHeader(at)
    this.#headerFrom = 0
    this.#lastBreakHasCr = whole && this.#breakLength(at) === 2
    this.#last = whole ? LF : bytes[bytes.length - 1]!
    this.#atLineStart = whole
    this.#carry = new Uint8Array(bytes.subarray(at))
    this.#base += at
  }

  /** Returns the index after the line at `at` if it ends a header or delimits, `at` if not, -1 if more bytes are needed. */
  #line(at: number): number {
    const { bytes } = this.#scanner
    if (at >= bytes.length) return -1
    const first = bytes[at]
    if (first === DASH) return this.#tree.delimited ? this.#delimiterLine(at) : at
    if (!this.#tree.inHeader) return at
    if (first === LF) return this.#emptyLine(at + 1)
    if (first !== CR) return at
    if (at + 1 >= bytes.length) return -1
    return bytes[at + 1] === LF ? this.#emptyLine(at + 2) : at
  }

  #emptyLine(next: number): number {
    this.#scanner.lines++
    this.#endHeader(next)
    return next
  }

  #delimiterLine(at: number): number {
    const { bytes } = this.#scanner
    const limit = Math.min(bytes.length, at + MAX_DELIMITER_BYTES)
    if (at + 1 < bytes.length && bytes[at + 1] !== DASH) return at
    let end = at
    while (end < limit && bytes[end] !== LF) end++
    if (end < limit) return this.#cross(at, end, end + 1) ? end + 1 : at
    return bytes.length - at < MAX_DELIMITER_BYTES ? -1 : at
  }

  /** Reads the last line, which has no line end. */
  #lastLine(end: number): void {
    if (this.#tree.delimited && this.#carry[0] === DASH && this.#carry[1] === DASH) this.#cross(0, end, end)
  }

  /** Passes the line [at, end) to the tree if it is a delimiter. `next` is the index after its line feed. */
  #cross(at: number, end: number, next: number): boolean {
    const { bytes } = this.#scanner
    let stop = end
    while (stop > at + 2 && isBlank(bytes[stop - 1]!)) stop--
    const token = bytes.toString('latin1', at + 2, stop)
    const delimiter = this.#tree.delimiter(token)
    if (delimiter === undefined) return false
    const { lines } = this.#scanner
    const bodyEnd = { offset: this.#base + at - this.#breakLength(at), lines: lines - 1 }
    this.#endHeaders(at, bodyEnd)
    if (next > end) this.#scanner.lines++
    this.#headerFrom = next
    this.#tree.cross(delimiter, bodyEnd, { offset: this.#base + next, lines: this.#scanner.lines })
    return true
  }

  /** Returns the length of the line break before the line start `at`; 1 at the start of the message. */
  #breakLength(at: number): 1 | 2 {
    if (at === 0) return this.#lastBreakHasCr ? 2 : 1
    return (at === 1 ? this.#last : this.#scanner.bytes[at - 2]) === CR ? 2 : 1
  }

  /** Ends the header of a part that has no body, and those of the parts that its type opens; before `end`, a delimiter's. */
  #endHeaders(at: number, end?: Place): void {
    while (this.#tree.inHeader) this.#endHeader(at, end)
  }

  #endHeader(at: number, end?: Place): void {
    this.#collectHeader(at)
    const header = this.#header.length === 1 ? this.#header[0]! : Buffer.concat(this.#header)
    const { maxHeaderBytes } = this.#limits
    const cut = this.#headerBytes > maxHeaderBytes
    this.#header = []
    this.#headerBytes = 0
    this.#headerFrom = at
    const here = { offset: this.#base + at, lines: this.#scanner.lines }
    // The line break before a delimiter is the delimiter's, unless the header is empty.
    const place = end !== undefined && end.offset >= this.#tree.headerStart ? end : here
    this.#tree.endHeader(place, cut ? wholeFields(header) : header, cut)
  }

  /** Collects header bytes before `at`; those above the limit are only counted. */
  #collectHeader(at: number): void {
    const from = this.#headerFrom
    const room = Math.max(0, this.#limits.maxHeaderBytes - this.#headerBytes)
    if (room > 0 && at > from) {
      this.#header.push(new Uint8Array(this.#scanner.bytes.subarray(from, Math.min(at, from + room))))
    }
    this.#headerBytes += at - from
  }
}

/** Drops the line that the limit cut, unless it is the only one. */
function wholeFields(header: Uint8Array): Uint8Array {
  const end = header.lastIndexOf(LF)
  return end < 0 ? header : header.subarray(0, end + 1)
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === CR
}
