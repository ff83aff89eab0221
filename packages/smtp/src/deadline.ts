/**
 * One point in time by which something must have happened, moved many times and reached almost never.
 * Moving it later costs no timer: the running one looks again when it fires.
 */
export class Deadline {
  #expired: () => void
  #at = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(expired: () => void) {
    this.#expired = expired
  }

  /** Milliseconds from now. */
  set(ms: number): void {
    const now = performance.now()
    this.#at = now + ms
    if (this.#at < this.#timerAt) this.#arm(now)
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#at = Number.POSITIVE_INFINITY
    this.#timerAt = Number.POSITIVE_INFINITY
  }

  #arm(now: number): void {
    clearTimeout(this.#timer)
    this.#timerAt = this.#at
    this.#timer = setTimeout(() => this.#look(), Math.max(1, Math.ceil(this.#at - now)))
  }

  #look(): void {
    const now = performance.now()
    if (now < this.#at) this.#arm(now)
    else {
      this.clear()
      this.#expired()
    }
  }
}
