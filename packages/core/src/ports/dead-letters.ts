/** Queue entries that were given up. A dead letter means a defect: what waits for a store that is away stays in its queue. */
export type DeadLetter = {
  readonly id: string
  /** The queue that it came from. */
  readonly queue: string
  /** The entry was first queued then, in epoch milliseconds. */
  readonly sentAt: number
  /** The entry as it was sent: ids, never content. */
  readonly body: string
  /** Tells how its last attempt failed; null if the process died each time. */
  readonly reason: string | null
}

export interface DeadLetters {
  /** The number of dead letters by queue; queues without any are left out. */
  count(): Promise<ReadonlyMap<string, number>>
  /** The oldest first. */
  list(limit: number): Promise<readonly DeadLetter[]>
  get(id: string): Promise<DeadLetter | undefined>
  /** Moves one back to its queue, where its attempts begin again. False if there is none. */
  redrive(id: string): Promise<boolean>
  /** Moves all of a queue back, or all there are. Answers how many. */
  redriveAll(queue?: string): Promise<number>
  /** Deletes one for good. False if there is none. */
  drop(id: string): Promise<boolean>
}
