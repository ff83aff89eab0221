import type { Clock } from './clock.ts'
import { StoreError } from './table.ts'

const TRIES = 8
const FIRST_WAIT_MS = 10
const LONGEST_WAIT_MS = 500

/**
 * Runs `attempt` again while it ends in a Conflict, which has written nothing: 8 times in about a second, with jitter.
 * Adapters whose store can conflict wrap their writes in this. `random` answers numbers in [0, 1).
 * @throws {StoreError} the last `Conflict`, or at once any other error of `attempt`
 */
export async function retryConflicts<T>(clock: Clock, attempt: () => Promise<T>, random: () => number): Promise<T> {
  for (let tries = 1; tries < TRIES; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'Conflict')) throw error
      await clock.sleep(waitMs(tries, random()))
    }
  }
  return attempt()
}

/** Doubles from 10 ms to 500 ms; `jitter` (0 to 1) takes it from half of that to all of it. */
export function waitMs(tries: number, jitter: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)) * (0.5 + jitter / 2)
}
