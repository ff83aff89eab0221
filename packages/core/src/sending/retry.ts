/** A tenth either way, so that what was deferred together does not come back together. */
const JITTER = 0.1

/**
 * Milliseconds until the attempt after `attempts` failed ones, or undefined when the schedule is used up.
 * `random` in [0, 1).
 */
export function retryDelay(schedule: readonly number[], attempts: number, random: number): number | undefined {
  const base = schedule[attempts - 1]
  return base === undefined ? undefined : Math.round(base * (1 - JITTER + 2 * JITTER * random))
}
