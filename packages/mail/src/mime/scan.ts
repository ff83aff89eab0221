const LF = 0x0a
const CR = 0x0d
const DASH = 0x2d

const NO_WORDS = new Int32Array(0)

/** Which lines are reported: none (they are only counted), possible delimiters, or these and empty lines. */
type Watch = 'nothing' | 'delimiters' | 'header'

/** Finds lines. Compares four bytes at a time, since few bytes of a body are line feeds. */
export class LineScanner {
  /** Line feeds passed so far. */
  lines = 0
  readonly bytes: Buffer
  readonly #words: Int32Array
  readonly #first: number

  constructor(bytes: Uint8Array, lines: number) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    this.lines = lines
    this.#first = (4 - (bytes.byteOffset & 3)) & 3
    const words = Math.max(0, (bytes.length - this.#first) >> 2)
    this.#words = words > 0 ? new Int32Array(bytes.buffer, bytes.byteOffset + this.#first, words) : NO_WORDS
  }

  /**
   * Returns the index of the next line feed, from `from` on, after which a line is to be reported or more bytes are needed;
   * -1 if the bytes end within a line that is not reported.
   */
  next(from: number, watch: Watch): number {
    const { bytes } = this
    const end = bytes.length
    let lines = 0
    let at = from
    while (at < end) {
      if (((at - this.#first) & 3) === 0) at = this.#skip(at)
      if (bytes[at] === LF) {
        lines++
        if (at + 1 >= end || (watch !== 'nothing' && matters(bytes, at + 1, watch === 'header'))) {
          this.lines += lines
          return at
        }
      }
      at++
    }
    this.lines += lines
    return -1
  }

  /** Returns the first index from `at` on whose four bytes include a line feed, or where whole words end. */
  #skip(at: number): number {
    const words = this.#words
    const count = words.length
    let word = (at - this.#first) >> 2
    while (word < count) {
      const mixed = words[word]! ^ 0x0a0a0a0a
      if ((((mixed - 0x01010101) | 0) & ~mixed & 0x80808080) !== 0) break
      word++
    }
    return this.#first + (word << 2)
  }
}

function matters(bytes: Uint8Array, at: number, inHeader: boolean): boolean {
  const first = bytes[at]
  if (first === DASH) return at + 1 >= bytes.length || bytes[at + 1] === DASH
  return inHeader && (first === LF || first === CR)
}
