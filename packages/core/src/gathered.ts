/** What all that gather at the same time may still hold. */
export type Room = { bytes: number }

/**
 * Bytes that come in chunks, in one piece of at most `maxBytes`: a body that dribbles in octet by octet would take hundreds of
 * times its size in pieces. A chunk that stays the only one is copied only if it is lent.
 */
export class Gathered {
  length = 0
  readonly #maxBytes: number
  readonly #room: Room
  #first: Uint8Array | undefined
  #buffer: Buffer | undefined

  constructor(maxBytes: number, room: Room) {
    this.#maxBytes = maxBytes
    this.#room = room
  }

  /** False if it would be too much: then nothing was taken. `lent`: the chunk's memory may be used again afterwards. */
  push(chunk: Uint8Array, lent: boolean): boolean {
    const at = this.length
    if (at + chunk.length > this.#maxBytes || chunk.length > this.#room.bytes) return false
    this.#room.bytes -= chunk.length
    this.length += chunk.length
    if (at === 0 && !lent) this.#first = chunk
    else {
      if (this.#buffer === undefined || this.#buffer.length < this.length) this.#grow(at)
      this.#buffer?.set(chunk, at)
    }
    return true
  }

  /** The bytes so far, which are held no longer. To be called at the end in any case: it gives back the room they took. */
  take(): Uint8Array {
    const whole = this.#buffer?.subarray(0, this.length) ?? this.#first ?? Buffer.alloc(0)
    this.#room.bytes += this.length
    this.length = 0
    this.#buffer = undefined
    this.#first = undefined
    return whole
  }

  #grow(used: number): void {
    const bytes = used === 0 ? this.length : Math.max(1024, 2 * this.length)
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#maxBytes, bytes))
    larger.set((this.#buffer ?? this.#first ?? larger).subarray(0, used))
    this.#buffer = larger
    this.#first = undefined
  }
}
