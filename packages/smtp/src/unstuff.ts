const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/** Where in a line the next octet stands. Numbers, since the loop below runs once for every octet that arrives. */
const INSIDE = 0
const AFTER_CR = 1
const LINE_START = 2
const AFTER_DOT = 3
const AFTER_DOT_CR = 4

/**
 * Message content out of the octets after DATA: takes off dot stuffing and finds the end (RFC 5321 section 4.5.2).
 * Only CRLF "." CRLF ends it. No octet is copied or held back: pieces are views into the chunk.
 * `bare` becomes true at a CR without LF or an LF without CR; such content has no well-defined lines
 * (RFC 5321 section 2.3.8) and must be refused, since the next hop may see an end of data in it that we didn't.
 */
export class Unstuffer {
  ended = false
  bare = false
  #state = LINE_START

  /** Adds the content in `chunk` to `out`; answers how many octets belong to it, terminator included. */
  push(chunk: Buffer, out: Buffer[]): number {
    const length = chunk.length
    let state = this.#state
    let from = 0
    let i = 0
    for (; i < length; i++) {
      const octet = chunk[i]!
      if (state === LINE_START && octet === DOT) {
        if (i > from) out.push(chunk.subarray(from, i))
        from = i + 1
        state = AFTER_DOT
      } else if (octet === LF) {
        if (state === AFTER_DOT_CR) {
          this.ended = true
          return i + 1
        }
        if (state !== AFTER_CR) this.bare = true
        state = state === AFTER_CR ? LINE_START : INSIDE
      } else {
        if (state === AFTER_CR || state === AFTER_DOT_CR) this.bare = true
        if (octet !== CR) state = INSIDE
        else if (state === AFTER_DOT) {
          from = i + 1
          state = AFTER_DOT_CR
        } else state = AFTER_CR
      }
    }
    this.#state = state
    if (from < length) out.push(chunk.subarray(from))
    return length
  }
}
