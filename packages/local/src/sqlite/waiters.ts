import { type Clock, NO_ERROR } from '@kabutar/core/ports/clock.ts'

/**
 * The consumers of one queue that wait, and the one timer of all of them. An entry that is due wakes one consumer, and
 * one that takes a full batch wakes the next: were each to watch the time, all would come for the one entry.
 */
export class Sleepers {
  /** The last one that took entries took as many as it wanted. */
  more = false
  readonly #clock: Clock
  readonly #wakes: (() => void)[] = []
  #alarm: { readonly at: number; readonly cancelled: AbortController } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Somebody waits, and no timer is set for them. */
  get unwatched(): boolean {
    return this.#wakes.length > 0 && this.#alarm === undefined
  }

  /** Resolves when it is this consumer's turn, at `until` (epoch ms), or when the signal aborts. */
  async sleep(until: number, signal: AbortSignal | undefined): Promise<void> {
    const awake = new AbortController()
    const wake = () => awake.abort(NO_ERROR)
    this.#wakes.push(wake)
    signal?.addEventListener('abort', wake, { once: true })
    await this.#clock.sleep(Math.max(1, until - this.#clock.now()), awake.signal)
    signal?.removeEventListener('abort', wake)
    const at = this.#wakes.indexOf(wake)
    if (at >= 0) this.#wakes.splice(at, 1)
    if (this.#wakes.length === 0) this.#cancel()
  }

  /**
   * The one that waits for the shortest time. Were they to take turns, the last batch of each would be remembered for a whole
   * round, long enough for the garbage collector to take it for something that stays.
   */
  wakeOne(): void {
    this.#wakes.pop()?.()
  }

  /** An entry will be due `at` that time: then one is woken. Nothing if nobody waits, who will look first. */
  expect(at: number): void {
    if (this.#wakes.length === 0 || at === Number.POSITIVE_INFINITY) return
    if (this.#alarm !== undefined && this.#alarm.at <= at) return
    this.#cancel()
    const cancelled = new AbortController()
    this.#alarm = { at, cancelled }
    void this.#clock.sleep(Math.max(1, at - this.#clock.now()), cancelled.signal).then(() => {
      if (cancelled.signal.aborted) return
      this.#alarm = undefined
      this.wakeOne()
    })
  }

  /** A timer for nobody must not keep the process. */
  #cancel(): void {
    this.#alarm?.cancelled.abort(NO_ERROR)
    this.#alarm = undefined
  }
}
