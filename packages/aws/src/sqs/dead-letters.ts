import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Queue } from '@kabutar/core/ports/queue.ts'

/** Dead-letter queues by their names in the account. */
type DeadLetterQueues = ReadonlyMap<string, Pick<Queue, 'depth'>>

export const LOOK_EVERY_MINUTES = 10

/**
 * Returns a check that throws while there are dead letters. Without dead letters it looks at the queues only every ten
 * minutes, because a look is a paid request for each queue; after it found some, every call looks until they are gone.
 * @throws {Error} naming the queues
 */
export function deadLetterWatch(queues: DeadLetterQueues, clock: Clock): () => Promise<void> {
  let lookAt = Number.NEGATIVE_INFINITY
  return async () => {
    const now = clock.now()
    if (now < lookAt) return
    const found = await deadLettersIn(queues)
    if (found !== undefined) throw new Error(`dead letters: ${found}; remove the cause, then run "npm run redrive"`)
    lookAt = now + LOOK_EVERY_MINUTES * 60_000
  }
}

/** Names the queues with entries and their number, which SQS only approximates: `SendDead 3, ReconcileDead 1`. */
async function deadLettersIn(queues: DeadLetterQueues): Promise<string | undefined> {
  const counted = await Promise.all([...queues].map(async ([name, queue]) => ({ name, ...(await queue.depth()) })))
  const found = counted.flatMap(({ name, ready, leased }) => (ready + leased > 0 ? [`${name} ${ready + leased}`] : []))
  return found.length > 0 ? found.join(', ') : undefined
}
