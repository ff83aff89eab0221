/** Time and timers. Core takes them from here alone, so that tests can hold a day in a millisecond. */
export interface Clock {
  /** The time of day in epoch milliseconds. It may be set back. */
  now(): number
  /** Milliseconds since some moment, for durations. It never goes back. */
  monotonic(): number
  /** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `work` once after `ms`, unless the function that it answers is called before. */
  after(ms: number, work: () => void): () => void
  /** Resolves once the process has read what is waiting on its sockets. */
  turn(): Promise<void>
}

/** The reason of an abort that ends a sleep. An abort without a reason makes an error with a stack, which costs more than the sleep. */
export const NO_ERROR = 'not needed any more'
