import { type Clock, NO_ERROR } from '@kabutar/core/ports/clock.ts'

/**
 * The consumers of one queue that wait for an entry, and their one timer. An entry that becomes visible wakes one
 * consumer, and a consumer that takes a full batch wakes the next. If each had a timer of its own, all of them would
 * wake for a single entry.
 */
export class Waiters {
  /** True if the last receive took as many entries as it wanted, so that there may be more. */
  mayHaveMore = false
  readonly #clock: Clock
  readonly #wakes: (() => void)[] = []
  #timer: { readonly at: number; readonly cancelled: AbortController } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** True if consumers wait and no timer is set. */
  get needTimer(): boolean {
    return this.#wakes.length > 0 && this.#timer === undefined
  }

  /** Waits until the consumer is woken, `ms` are over, or until the signal aborts. */
  async wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const awake = new AbortController()
    const wake = () => awake.abort(NO_ERROR)
    this.#wakes.push(wake)
    signal?.addEventListener('abort', wake, { once: true })
    await this.#clock.sleep(Math.max(1, ms), awake.signal)
    signal?.removeEventListener('abort', wake)
    const at = this.#wakes.indexOf(wake)
    if (at >= 0) this.#wakes.splice(at, 1)
    if (this.#wakes.length === 0) this.#cancelTimer()
  }

  /** Wakes the most recent waiter (LIFO). With FIFO each waiter would keep its last batch in memory for a full round. */
  wakeOne(): void {
    this.#wakes.pop()?.()
  }

  /** Wakes one waiter in `ms`. Does nothing if nobody waits: a consumer looks before it waits. */
  wakeOneIn(ms: number): void {
    if (this.#wakes.length === 0 || ms === Number.POSITIVE_INFINITY) return
    // By the monotonic clock: a time of day that is set back must not put a timer off.
    const at = this.#clock.monotonic() + ms
    if (this.#timer !== undefined && this.#timer.at <= at) return
    this.#cancelTimer()
    const cancelled = new AbortController()
    this.#timer = { at, cancelled }
    void this.#clock.sleep(Math.max(1, ms), cancelled.signal).then(() => {
      if (cancelled.signal.aborted) return
      this.#timer = undefined
      this.wakeOne()
    })
  }

  /** Stops the timer, which would otherwise keep the process alive. */
  #cancelTimer(): void {
    this.#timer?.cancelled.abort(NO_ERROR)
    this.#timer = undefined
  }
}
