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
   * @throws {MailError} `message_too_large`, `unavailable` (the peer went away)
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
    if (this.#bytes > this.#limits.messageBytes) {
      this.refusal ??= new MailError('message_too_large', `Larger than ${this.#limits.messageBytes} octets`)
    }
    return content
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
const SPACE = 0x20

/** The place of the next octet in its line. Numbers, since they are compared for each line that arrives. */
const INSIDE = 0
const AFTER_CR = 1
const LINE_START = 2
const LINE_START_AFTER_LF = 3
const AFTER_DOT = 4
const AFTER_DOT_CR = 5

/**
 * Takes the dot stuffing off the octets after DATA and finds their end (RFC 5321 section 4.5.2). Only CRLF "." CRLF ends
 * them. A bare LF becomes CRLF and a bare CR a space, as Postfix does with `smtpd_forbid_bare_newline = normalize`: then no
 * other server can see lines, or an end of the data, where this one saw none. Nothing is held back between chunks but a CR.
 */
export class DotUnstuffer {
  ended = false
  #state = LINE_START
  #content: Buffer = NOTHING
  #length = 0

  /**
   * `used` octets of `chunk` have been read, terminator included. `content` is a view of the start of `chunk`, which is
   * overwritten where dots fall out; only content with bare LFs, which grows, takes memory of its own.
   */
  push(chunk: Buffer): { content: Buffer; used: number } {
    this.#content = chunk
    this.#length = 0
    let at = 0
    while (at < chunk.length && !this.ended) at = this.#step(chunk, at)
    const content = this.#content.subarray(0, this.#length)
    this.#content = NOTHING
    return { content, used: at }
  }

  /** Reads the octet at `at`, and what follows it in its line; answers the place of the next. */
  #step(chunk: Buffer, at: number): number {
    const octet = chunk[at]
    switch (this.#state) {
      case LINE_START:
        if (octet !== DOT) break
        this.#state = AFTER_DOT
        return at + 1
      case LINE_START_AFTER_LF:
        if (octet !== DOT) break
        // What follows can't be the end of the data.
        this.#state = INSIDE
        return at + 1
      case AFTER_DOT:
        if (octet !== CR) break
        this.#state = AFTER_DOT_CR
        return at + 1
      case AFTER_DOT_CR:
      case AFTER_CR:
        if (octet !== LF) {
          this.#put(chunk, at, SPACE)
          break
        }
        this.ended = this.#state === AFTER_DOT_CR
        if (!this.ended) this.#put(chunk, at + 1, CR, LF)
        this.#state = LINE_START
        return at + 1
    }
    return this.#line(chunk, at)
  }

  /** Takes everything up to the end of the line or of the chunk. */
  #line(chunk: Buffer, from: number): number {
    let end = from
    for (; end < chunk.length; end++) {
      const octet = chunk[end]
      if (octet === LF || octet === CR) break
    }
    if (chunk[end + 1] === LF && chunk[end] === CR) {
      this.#state = LINE_START
      this.#copy(chunk, from, end + 2)
      return end + 2
    }
    this.#copy(chunk, from, end)
    if (end === chunk.length) {
      this.#state = INSIDE
      return end
    }
    const isCr = chunk[end] === CR
    this.#state = isCr ? AFTER_CR : LINE_START_AFTER_LF
    if (!isCr) this.#put(chunk, end + 1, CR, LF)
    return end + 1
  }

  #copy(chunk: Buffer, from: number, to: number): void {
    if (this.#content !== chunk) chunk.copy(this.#content, this.#length, from, to)
    else if (this.#length !== from) chunk.copyWithin(this.#length, from, to)
    this.#length += to - from
  }

  /** Appends octets that are not in `chunk`, which is read up to `next`: what is still to be read is not overwritten. */
  #put(chunk: Buffer, next: number, ...octets: number[]): void {
    if (this.#content === chunk && this.#length + octets.length > next) {
      // Each octet that is still to be read may become two.
      this.#content = Buffer.allocUnsafe(this.#length + octets.length + 2 * (chunk.length - next))
      chunk.copy(this.#content, 0, 0, this.#length)
    }
    for (const octet of octets) this.#content[this.#length++] = octet
  }
}
