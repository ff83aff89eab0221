import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'

export type TurnOptions = {
  /** After it aborts, the work does not begin. */
  readonly signal?: AbortSignal
  /** Milliseconds to wait for a turn. Without it, work waits as long as it takes: workers do, requests do not. */
  readonly waitMs?: number
}
type Waiting = { readonly weight: number; start(): void }

/**
 * A weighted semaphore: bounds what pieces of work hold together, such as bytes in memory. Each names its weight and waits
 * in turn until that much is free. One that is heavier than all there is runs alone.
 */
export class Semaphore {
  readonly units: number
  readonly #clock: Pick<Clock, 'after'>
  #taken = 0
  #waiting: Waiting[] = []

  constructor(units: number, clock: Pick<Clock, 'after'>) {
    this.units = units
    this.#clock = clock
  }

  /**
   * Runs `work` in turn, and throws what it throws, or the signal's reason. `work` must not wait for another turn.
   * @throws {MailError} `busy` if no turn comes within `waitMs`
   */
  async use<T>(weight: number, work: () => Promise<T>, { signal, waitMs }: TurnOptions = {}): Promise<T> {
    const mine = Math.min(weight, this.units)
    await this.#turn(mine, waitMs)
    try {
      signal?.throwIfAborted()
      return await work()
    } finally {
      this.#taken -= mine
      this.#startNext()
    }
  }

  async #turn(weight: number, waitMs: number | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting: Waiting = { weight, start: resolve }
    this.#waiting.push(waiting)
    this.#startNext()
    if (waitMs === undefined || !this.#waiting.includes(waiting)) return promise
    const cancel = this.#clock.after(waitMs, () => {
      const at = this.#waiting.indexOf(waiting)
      if (at < 0) return
      this.#waiting.splice(at, 1)
      this.#startNext()
      reject(new MailError('busy', 'The server is busy with large messages. Please try again.'))
    })
    return promise.finally(cancel)
  }

  /** First come, first served, so that heavy work is not passed by light work without end. */
  #startNext(): void {
    for (let next = this.#waiting[0]; next && this.#taken + next.weight <= this.units; next = this.#waiting[0]) {
      this.#waiting.shift()
      this.#taken += next.weight
      next.start()
    }
  }
}
