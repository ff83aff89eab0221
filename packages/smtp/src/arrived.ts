import { giveBack, ownCopy } from '@kabutar/core/lent.ts'
import { MalformedError } from './malformed.ts'

const NOTHING = Buffer.alloc(0)
const LF = 0x0a
const CR = 0x0d
/** A line that runs on this far past its limit is no mistake any more. */
const MAX_SKIPPED = 64 * 1024
/** Room that half a line is given to grow, at most twice its own. */
const GROWTH_BYTES = 4 * 1024

/** The octets that have arrived on one connection and are not used up, as chunks or lines. Its memory is its own and given back by hand. */
export class Arrived {
  /** Whose memory the head is part of. */
  #chunk: Buffer = NOTHING
  #head: Buffer = NOTHING
  /** Behind the head there is room in its chunk. */
  #grows = false
  /** Whoever was given a chunk may still be reading it. */
  #inUse = false
  #queue: Buffer[] = []
  #skipped = 0
  #maxLineBytes: number

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes
  }

  /** There is more than what is being looked at. */
  get waiting(): boolean {
    return this.#queue.length > 0
  }

  /** Adds a copy. */
  push(octets: Uint8Array): void {
    this.#queue.push(ownCopy(octets))
  }

  /** Adds what waits to what is being looked at; false if nothing does. */
  next(): boolean {
    const next = this.#queue.shift()
    if (next === undefined) return false
    if (this.#head.length === 0) this.#become(next)
    else {
      this.#join(next)
      giveBack(next)
    }
    return true
  }

  /** Of what is being looked at: the line up to the first CRLF, without it. Undefined if there is none. */
  line(): Buffer | undefined {
    const head = this.#head
    const at = head.indexOf(LF)
    if (at < 0) {
      if (head.length > this.#maxLineBytes) this.#skip(head)
      return undefined
    }
    this.#head = head.subarray(at + 1)
    if (at === 0 || head[at - 1] !== CR) {
      throw new MalformedError(500, '5.5.2', 'A line ends in CRLF, not in a bare LF', { hangUp: true })
    }
    if (this.#skipped === 0 && at < this.#maxLineBytes) return head.subarray(0, at - 1)
    this.#skipped = 0
    throw new MalformedError(500, '5.5.2', 'Line too long')
  }

  /** All that is being looked at, in use until `spent`. Undefined if there is nothing. */
  chunk(): Buffer | undefined {
    if (this.#head.length === 0) return undefined
    const chunk = this.#head
    this.#head = NOTHING
    this.#inUse = true
    return chunk
  }

  /** Gives back the end of a chunk, to be read again. */
  unread(rest: Buffer): void {
    this.#head = rest
  }

  /** The last chunk or line is not looked at any more. */
  spent(): void {
    this.#inUse = false
  }

  /** Half a line, which may wait long for its other half, holds no more memory than its own. */
  shrink(): void {
    if (this.#head.length === 0) this.#become(NOTHING)
    else if (!this.#grows) this.#join(NOTHING)
  }

  /** What is in use stays. */
  forget(): void {
    if (!this.#inUse) giveBack(this.#chunk)
    this.#chunk = NOTHING
    this.#head = NOTHING
    this.#grows = false
    for (const chunk of this.#queue) giveBack(chunk)
    this.#queue = []
  }

  #become(chunk: Buffer): void {
    giveBack(this.#chunk)
    this.#chunk = chunk
    this.#head = chunk
    this.#grows = false
  }

  /** In the room there is, or in twice as much as is needed: a line may come octet by octet. */
  #join(next: Buffer): void {
    const head = this.#head
    const bytes = head.length + next.length
    if (!this.#grows || this.#chunk.length < bytes) {
      const larger = Buffer.allocUnsafeSlow(bytes + Math.min(bytes, GROWTH_BYTES))
      larger.set(head)
      this.#become(larger)
      this.#grows = true
    } else this.#chunk.set(head)
    this.#chunk.set(next, head.length)
    this.#head = this.#chunk.subarray(0, bytes)
  }

  /** Forgets the line so far, but for an octet that may be half of its CRLF. */
  #skip(head: Buffer): void {
    this.#skipped += head.length - 1
    this.#head = head.subarray(head.length - 1)
    if (this.#skipped > MAX_SKIPPED) throw new MalformedError(500, '5.5.2', 'Line too long', { hangUp: true })
  }
}
