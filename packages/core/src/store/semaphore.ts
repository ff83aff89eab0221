/**
 * A weighted semaphore: bounds what pieces of work hold together, such as bytes in memory. Each names its weight and waits
 * in turn until that much is free. One that is heavier than all there is runs alone.
 */
export class Semaphore {
  readonly #units: number
  readonly #signal: AbortSignal | undefined
  #taken = 0
  readonly #waiting: { readonly weight: number; start(): void }[] = []

  /** After the signal aborts, no further work begins. */
  constructor(units: number, signal?: AbortSignal) {
    this.#units = units
    this.#signal = signal
  }

  /** Runs `work` in turn, and throws what it throws, or the signal's reason. `work` must not wait for another turn. */
  async use<T>(weight: number, work: () => Promise<T>): Promise<T> {
    const mine = Math.min(weight, this.#units)
    await this.#turn(mine)
    try {
      this.#signal?.throwIfAborted()
      return await work()
    } finally {
      this.#taken -= mine
      this.#startNext()
    }
  }

  async #turn(weight: number): Promise<void> {
    await new Promise<void>((start) => {
      this.#waiting.push({ weight, start })
      this.#startNext()
    })
  }

  /** First come, first served, so that heavy work is not passed by light work without end. */
  #startNext(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.weight <= this.#units; next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#taken += next.weight
      next.start()
    }
  }
}
