/**
 * Bounds the bytes that pieces of work have in hand together: each says how many it will take, and waits its turn until
 * they are free. What is larger than the whole budget goes alone; what gets its turn after the
 * signal is not begun.
 */
export class ByteBudget {
  readonly #bytes: number
  readonly #signal: AbortSignal | undefined
  #taken = 0
  readonly #waiting: { readonly bytes: number; start(): void }[] = []

  constructor(bytes: number, signal?: AbortSignal) {
    this.#bytes = bytes
    this.#signal = signal
  }

  /** Runs `work` in turn, and throws what it throws, or the signal's reason. `work` must not wait for another turn. */
  async use<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const mine = Math.min(bytes, this.#bytes)
    await this.#turn(mine)
    try {
      this.#signal?.throwIfAborted()
      return await work()
    } finally {
      this.#taken -= mine
      this.#startNext()
    }
  }

  async #turn(bytes: number): Promise<void> {
    await new Promise<void>((start) => {
      this.#waiting.push({ bytes, start })
      this.#startNext()
    })
  }

  /** In order, so that a large one is not passed for ever. */
  #startNext(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.bytes <= this.#bytes; next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#taken += next.bytes
      next.start()
    }
  }
}
