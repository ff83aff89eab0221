import type { Queue } from './ports/queue.ts'

/**
 * Names the dead-letter queues that have entries, with how many, as `SendDead 3, LostDead 1`; undefined if there are
 * none. The numbers are approximate, as the queues' own are.
 */
export async function deadLettersIn(queues: ReadonlyMap<string, Pick<Queue, 'depth'>>): Promise<string | undefined> {
  const counted = await Promise.all([...queues].map(async ([name, queue]) => ({ name, ...(await queue.depth()) })))
  const found = counted.flatMap(({ name, ready, leased }) => (ready + leased > 0 ? [`${name} ${ready + leased}`] : []))
  return found.length > 0 ? found.join(', ') : undefined
}
