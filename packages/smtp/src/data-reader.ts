import { MailError } from '@kabutar/core/errors.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Connection } from './connection.ts'
import type { SmtpLimits } from './limits.ts'

const NOTHING = Buffer.alloc(0)
/** Content up to this size is handed on in one piece: most mail. */
const WHOLE_BYTES = 64 * 1024
const MIN_HELD_BYTES = 1024

/**
 * Reads the content of one message from its connection, without dot stuffing and terminator. Call `begin` first. After a
 * refusal nothing more of the content is handed on; `drain` then reads to the end of the data.
 */
export class DataReader implements AsyncIterable<Uint8Array> {
  /** Why this content can't be accepted, whatever the backend says. */
  refusal: MailError | undefined
  readonly #connection: Connection
  readonly #limits: SmtpLimits
  readonly #clock: Clock
  readonly #untilMs: number
  readonly #unstuffer = new DotUnstuffer()
  #bytes = 0
  #held = NOTHING
  #heldBytes = 0
  /** The chunk that didn't fit behind what is held. */
  #next: Buffer = NOTHING
  #isCut = false

  constructor(connection: Connection, limits: SmtpLimits, clock: Clock) {
    this.#connection = connection
    this.#limits = limits
    this.#clock = clock
    this.#untilMs = clock.monotonic() + limits.dataMs
  }

  /** The terminator has been read. */
  get ended(): boolean {
    return this.#unstuffer.ended
  }

  /** Reads a small message whole. Answers the reader itself, to be iterated, for a larger one; undefined for a refused one. */
  async begin(): Promise<Uint8Array | this | undefined> {
    for (;;) {
      const content = await this.#read()
      if (this.refusal) return undefined
      const isSmall = this.#heldBytes + content.length <= WHOLE_BYTES
      if (isSmall && this.ended && this.#heldBytes === 0) return content
      if (!isSmall) {
        this.#next = content
        return this
      }
      this.#hold(content)
      if (this.ended) return this.#takeHeld()
    }
  }

  /**
   * The content of a larger message, chunk by chunk; a chunk is the caller's to keep.
   * @throws {MailError} `message_too_large`, `invalid_message` (a bare CR or LF), `unavailable` (the peer went away)
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    yield this.#takeHeld()
    const next = this.#next
    this.#next = NOTHING
    yield next
    while (!this.ended) {
      const content = await this.#read()
      if (this.refusal) throw this.refusal
      if (content.length > 0) yield content
    }
  }

  /** Reads and drops the rest of the data. False if the connection, the time for it or the octets for it ended first. */
  async drain(): Promise<boolean> {
    const mostBytes = this.#bytes + this.#limits.drainBytes
    while (!this.ended && !this.#isCut && this.#bytes <= mostBytes) await this.#read()
    return this.ended
  }

  async #read(): Promise<Buffer> {
    const leftMs = this.#untilMs - this.#clock.monotonic()
    const chunk = leftMs > 0 ? await this.#connection.readChunk(Math.min(leftMs, this.#limits.dataIdleMs)) : undefined
    if (chunk === undefined) {
      this.#isCut = true
      this.refusal ??= new MailError('unavailable', 'The message has not arrived in full')
      return NOTHING
    }
    this.#connection.allow(this.#limits.backendMs)
    const { content, used } = this.#unstuffer.push(chunk)
    if (used < chunk.length) this.#connection.unread(chunk.subarray(used))
    this.#bytes += content.length
    this.#judge()
    return content
  }

  #judge(): void {
    if (this.#unstuffer.bare) {
      this.refusal ??= new MailError('invalid_message', 'Lines must end in CRLF: bare CR or LF in the message')
    } else if (this.#bytes > this.#limits.messageBytes) {
      this.refusal ??= new MailError('message_too_large', `Larger than ${this.#limits.messageBytes} octets`)
    }
  }

  /** Copies `content` behind what is held: kept as they came, single octets would take hundreds of times their size. */
  #hold(content: Buffer): void {
    const bytes = this.#heldBytes + content.length
    if (bytes > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.min(WHOLE_BYTES, Math.max(MIN_HELD_BYTES, 2 * bytes)))
      this.#held.copy(larger, 0, 0, this.#heldBytes)
      this.#held = larger
    }
    content.copy(this.#held, this.#heldBytes)
    this.#heldBytes = bytes
  }

  #takeHeld(): Buffer {
    const held = this.#held.subarray(0, this.#heldBytes)
    this.#held = NOTHING
    this.#heldBytes = 0
    return held
  }
}

const LF = 0x0a
const CR = 0x0d
const DOT = 0x2e

/** The place of the next octet in its line. Numbers, since a loop compares them for each octet that arrives. */
const INSIDE = 0
const AFTER_CR = 1
const LINE_START = 2
const AFTER_DOT = 3
const AFTER_DOT_CR = 4

/** The last octet before the next CR or LF. Most octets are looked at only here. */
function endOfRun(chunk: Buffer, at: number): number {
  let next = at + 1
  for (; next < chunk.length; next++) {
    const octet = chunk[next]!
    if (octet === LF || octet === CR) break
  }
  return next - 1
}

/**
 * Takes the dot stuffing off the octets after DATA and finds their end (RFC 5321 section 4.5.2). Only CRLF "." CRLF ends
 * them. Nothing is held back between chunks but a CR that may belong to the terminator.
 * `bare` becomes true at a CR without LF or an LF without CR. Such content has no well-defined lines (RFC 5321 section
 * 2.3.8) and must be refused: the next server could see an end of data in it that this one didn't.
 */
export class DotUnstuffer {
  ended = false
  bare = false
  #state = LINE_START

  /**
   * `used` octets of `chunk` have been read, terminator included. `content` is a view of the start of `chunk`, which is
   * overwritten where dots fall out: content of many dots costs no more than any other.
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
