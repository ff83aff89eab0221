import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Queue } from '@kabutar/core/ports/queue.ts'

/** Dead-letter queues by name. */
export type DeadLetterQueues = ReadonlyMap<string, Pick<Queue, 'depth'>>

export const LOOK_EVERY_MINUTES = 10

/**
 * Refuses while there are dead letters: once they are found, every call looks and throws until they are gone. As long
 * as there are none, the first call looks, and then one each ten minutes: a look is a paid call for each queue.
 * @throws {Error} that names the queues
 */
export function deadLetterWatch(queues: DeadLetterQueues, clock: Clock): () => Promise<void> {
  let lookAt = Number.NEGATIVE_INFINITY
  return async () => {
    const now = clock.now()
    if (now < lookAt) return
    const found = await deadLettersIn(queues)
    if (found !== undefined) throw new Error(`dead letters: ${found}; mend the cause, then run "npm run redrive"`)
    lookAt = now + LOOK_EVERY_MINUTES * 60_000
  }
}

/** `SendDead 3, LostDead 1`, of those that have any; approximate, as the queues' own numbers are. */
async function deadLettersIn(queues: DeadLetterQueues): Promise<string | undefined> {
  const counted = await Promise.all([...queues].map(async ([name, queue]) => ({ name, ...(await queue.depth()) })))
  const found = counted.flatMap(({ name, ready, leased }) => (ready + leased > 0 ? [`${name} ${ready + leased}`] : []))
  return found.length > 0 ? found.join(', ') : undefined
}
