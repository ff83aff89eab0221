import { giveBack } from './lent.ts'

const NOTHING = Buffer.alloc(0)

/** What all that gather at the same time may still hold. */
export type Room = { bytes: number }

/**
 * Bytes that come in chunks, in one piece of at most `maxBytes`: a body that dribbles in octet by octet would take hundreds of
 * times its size in pieces. All are copied: a chunk's memory may be used again afterwards.
 */
export class Gathered {
  length = 0
  readonly #maxBytes: number
  readonly #room: Room
  #buffer = NOTHING

  constructor(maxBytes: number, room: Room) {
    this.#maxBytes = maxBytes
    this.#room = room
  }

  /** False if it would be too much: then nothing was taken. */
  push(chunk: Uint8Array): boolean {
    const at = this.length
    if (at + chunk.length > this.#maxBytes || chunk.length > this.#room.bytes) return false
    this.#room.bytes -= chunk.length
    this.length += chunk.length
    if (this.#buffer.length < this.length) this.#resize(at === 0 ? this.length : Math.max(1024, 2 * this.length))
    this.#buffer.set(chunk, at)
    return true
  }

  /**
   * The bytes so far, which are held no longer, in memory of their own that can be given back. To be called at the end in any
   * case: it gives back the room they took.
   */
  take(): Uint8Array {
    if (this.#buffer.length > this.length) this.#resize(this.length)
    const whole = this.#buffer
    this.#room.bytes += this.length
    this.length = 0
    this.#buffer = NOTHING
    return whole
  }

  #resize(bytes: number): void {
    const other = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, bytes))
    other.set(this.#buffer.subarray(0, other.length))
    giveBack(this.#buffer)
    this.#buffer = other
  }
}
