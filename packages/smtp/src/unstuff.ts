const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/** Where in a line the next octet stands. Numbers, since the loop below runs once for every octet that arrives. */
const INSIDE = 0
const AFTER_CR = 1
const LINE_START = 2
const AFTER_DOT = 3
const AFTER_DOT_CR = 4

/** The last octet before the next CR or LF: most octets are looked at here, and only here. */
function endOfRun(chunk: Buffer, at: number): number {
  let next = at + 1
  for (; next < chunk.length; next++) {
    const octet = chunk[next]!
    if (octet === LF || octet === CR) break
  }
  return next - 1
}

/**
 * Message content out of the octets after DATA: takes off dot stuffing and finds the end (RFC 5321 section 4.5.2).
 * Only CRLF "." CRLF ends it. Nothing is held back between chunks but a CR that may belong to the terminator.
 * `bare` becomes true at a CR without LF or an LF without CR; such content has no well-defined lines
 * (RFC 5321 section 2.3.8) and must be refused, since the next hop may see an end of data in it that we didn't.
 */
export class Unstuffer {
  ended = false
  bare = false
  #state = LINE_START

  /**
   * Octets of `chunk` that have been used, terminator included, and the content among them: a view of the start of
   * `chunk`, which is overwritten where dots fall out, so that content of many dots costs no more than any other.
   */
  push(chunk: Buffer): { content: Buffer; used: number } {
    const { length } = chunk
    let state = this.#state
    let to = 0
    for (let i = 0; i < length; i++) {
      const octet = chunk[i]!
      if (octet !== CR && octet !== LF && (octet !== DOT || state === INSIDE)) {
        if (state === AFTER_CR || state === AFTER_DOT_CR) this.bare = true
        state = INSIDE
        const from = i
        i = endOfRun(chunk, i)
        if (to !== from) chunk.copyWithin(to, from, i + 1)
        to += i + 1 - from
        continue
      } else if (state === LINE_START && octet === DOT) {
        state = AFTER_DOT
        continue
      } else if (state === AFTER_DOT && octet === CR) {
        state = AFTER_DOT_CR
        continue
      } else if (state === AFTER_DOT_CR && octet === LF) {
        this.ended = true
        return { content: chunk.subarray(0, to), used: i + 1 }
      } else state = this.#line(state, octet)
      if (to !== i) chunk[to] = octet
      to++
    }
    this.#state = state
    return { content: chunk.subarray(0, to), used: length }
  }

  /** The state after a CR, LF or dot that is content. */
  #line(state: number, octet: number): number {
    const afterCr = state === AFTER_CR || state === AFTER_DOT_CR
    if (afterCr !== (octet === LF)) this.bare = true
    if (octet === LF) return afterCr ? LINE_START : INSIDE
    return octet === CR ? AFTER_CR : INSIDE
  }
}
