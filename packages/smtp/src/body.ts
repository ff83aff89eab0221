import { MailError } from '@kabutar/core/errors.ts'
import { Gathered, type Room } from '@kabutar/core/gathered.ts'
import { giveBack } from '@kabutar/core/lent.ts'
import type { Limits } from './limits.ts'
import { Unstuffer } from './unstuff.ts'
import type { Wire } from './wire.ts'

const NOTHING = Buffer.alloc(0)
const GONE = Buffer.alloc(0)
/** What is handed on in one piece: most mail. */
const WHOLE_BYTES = 64 * 1024

/**
 * The content of one message, read from the wire: what is small is gathered, what is larger comes as it is consumed, and then at
 * most one chunk of the socket is held. Iterated once, after `begin`. It throws `refusal` as soon as there is one; `drain`
 * then reads on to the end of the data.
 */
export class Body implements AsyncIterable<Uint8Array> {
  /** Why this content can't be taken, whatever the backend says. */
  refusal: MailError | undefined
  #wire: Wire
  #limits: Limits
  #unstuffer = new Unstuffer()
  #bytes = 0
  #drained = 0
  #until: number
  #begun: Gathered
  /** More than that, of a larger message. */
  #first: Uint8Array = NOTHING

  constructor(wire: Wire, limits: Limits, room: Room) {
    this.#wire = wire
    this.#limits = limits
    this.#begun = new Gathered(WHOLE_BYTES, room)
    this.#until = performance.now() + limits.dataMs
  }

  /** The terminator has been read. */
  get ended(): boolean {
    return this.#unstuffer.ended
  }

  /** All of a small message, or itself to be iterated, once there is more than that. Undefined if it is refused already. */
  async begin(): Promise<Uint8Array | this | undefined> {
    while (!this.ended) {
      const content = await this.#next()
      if (this.refusal) {
        this.#begun.take()
        return undefined
      }
      if (this.#begun.push(content)) continue
      this.#first = content
      if (this.#begun.length > 0) this.#join(content)
      return this
    }
    return this.#begun.take()
  }

  /** In one piece, so that whoever gathers what is small sees at once that this is not. */
  #join(content: Uint8Array): void {
    const begun = this.#begun.take()
    this.#first = Buffer.concat([begun, content])
    giveBack(begun)
    this.#wire.spent()
  }

  /**
   * A chunk is to be used, or copied, before the next is asked for: then its memory is gone.
   * @throws {MailError} `message_too_large`, `invalid_message` (a bare CR or LF), `unavailable` (the peer went away)
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    const first = this.#first
    this.#first = NOTHING
    yield first
    giveBack(first)
    while (!this.ended) {
      const content = await this.#next()
      if (this.refusal) throw this.refusal
      if (content.length > 0) yield content
    }
  }

  /** Reads to the end what nobody wants. False when the connection or the patience for it ended first. */
  async drain(): Promise<boolean> {
    while (!this.ended && this.#drained <= this.#limits.drainBytes) {
      const before = this.#bytes
      if ((await this.#next()) === GONE) return false
      this.#drained += this.#bytes - before
    }
    return this.ended
  }

  async #next(): Promise<Buffer> {
    const left = this.#until - performance.now()
    const chunk = left > 0 ? await this.#wire.chunk(Math.min(left, this.#limits.dataIdleMs)) : undefined
    if (chunk === undefined) {
      this.refusal ??= new MailError('unavailable', 'The message has not arrived in full')
      return GONE
    }
    this.#wire.allow(this.#limits.backendMs)
    const { content, used } = this.#unstuffer.push(chunk)
    if (used < chunk.length) this.#wire.unread(chunk.subarray(used))
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
}
