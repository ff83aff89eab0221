import type { Clock } from '@kabutar/core/ports/clock.ts'

/** Resolves when the next batch may begin. `ageMs` is how long the oldest entry of the last batch was in the queue. */
export type Turn = (ageMs: number, signal: AbortSignal) => Promise<void>

/** With so many requests and messages in flight, clients are waiting; at 100 messages a second there is rarely one. */
const BUSY_IN_FLIGHT = 4
const LOOK_EVERY_MS = 5
/** A batch of 10 entries each 100 ms uses about a twentieth of the time. */
const MAX_REST_MS = 100
/** Once entries are this old, a batch is delayed by 5 ms at most, so that it gets about half of the time. */
const BACKLOG_MS = 60_000

/**
 * Delays background work while many requests and messages are being accepted. What was accepted is safe and can wait; a
 * client that waits gives up, or comes back later with more. Delays are bounded, so that background work never stops.
 */
export class LoadShedding {
  readonly #clock: Pick<Clock, 'sleep'>
  #inFlight = 0
  #mostInFlight = 0

  constructor(clock: Pick<Clock, 'sleep'>) {
    this.#clock = clock
  }

  /** Runs `accept`, and counts it as in flight until its promise settles. */
  async during<T>(accept: () => T | Promise<T>): Promise<T> {
    this.#mostInFlight = Math.max(this.#mostInFlight, ++this.#inFlight)
    try {
      return await accept()
    } finally {
      this.#inFlight--
    }
  }

  /** Returns the turns of one consumer: its loops wait one after another, however many there are. */
  turns(): Turn {
    let last = Promise.resolve()
    return (ageMs, signal) => {
      last = last.then(() => this.#rest(ageMs > BACKLOG_MS ? LOOK_EVERY_MS : MAX_REST_MS, signal))
      return last
    }
  }

  async #rest(maxMs: number, signal: AbortSignal): Promise<void> {
    for (let rested = 0; rested < maxMs && this.#isBusy() && !signal.aborted; rested += LOOK_EVERY_MS)
      await this.#clock.sleep(LOOK_EVERY_MS, signal)
  }

  /** Judges by the most in flight since the last look: a commit ends them all at once, just before a timer runs. */
  #isBusy(): boolean {
    const most = this.#mostInFlight
    this.#mostInFlight = this.#inFlight
    return most >= BUSY_IN_FLIGHT
  }
}

/** Tells whether a request waits for changes: while it does, it is no load. */
export function waitsForChanges({ method, url }: Pick<Request, 'method' | 'url'>): boolean {
  if (method !== 'GET') return false
  const path = new URL(url).pathname
    .replace(/\/{2,}/g, '/')
    .replace(/^\/api(?=\/)/, '')
    .replace(/\/$/, '')
  return path === '/stream' || path === '/activity/changes'
}
