/**
 * Delivers entries at least once, in no order. An entry is received with a lease (its visibility) and is gone only when it
 * is settled as done. One that fails comes back, and after `maxAttempts` receipts it moves whole to the dead-letter queue.
 * Handlers are therefore idempotent, and a known wait never uses up attempts: it sends a new entry with a delay.
 */
export type Outgoing = {
  /** At most 256 KB; in practice ids and an attempt number, tagged with a version. */
  readonly body: string
  /** At most 15 minutes; longer waits are `due` rows in the table. */
  readonly delayMs?: number
}
export type Delivery = {
  readonly id: string
  readonly body: string
  /** Counts receipts, from 1. */
  readonly attempt: number
  /**
   * Receipts that count as no attempt: their settlement said `waits`, or the process died with several entries in hand.
   * Absent if there are none, or if the queue counts every receipt.
   */
  readonly excused?: number
  /** Processes that died while this entry alone was in hand; absent if none did, or if the queue cannot know. */
  readonly deaths?: number
  readonly sentAt: number
  /** Names this lease; each lease of an entry has its own. */
  readonly handle: string
}
export type Settlement = { readonly delivery: Delivery } & ({ readonly ok: true } | ({ readonly ok: false } & Retry))
/**
 * `waits`: what the entry needs is not there now, which is no fault of the entry and counts as no attempt. `reason`: what
 * failed; a queue that can keep it shows the last one of a dead letter.
 */
type Retry = { readonly retryInMs: number; readonly waits?: true; readonly reason?: string }
export type ReceiveOptions = {
  readonly max: number
  readonly visibilityMs: number
  readonly waitMs: number
  readonly signal?: AbortSignal
}
export type Depth = { readonly ready: number; readonly leased: number; readonly delayed: number }

export interface Queue {
  readonly maxAttempts: number
  /** Durable when it resolves. @throws {StoreError} `Invalid`, `TooLarge`, `Unavailable`: then some may have been sent */
  send(messages: readonly Outgoing[]): Promise<void>
  /** Waits up to `waitMs` for the first entry. */
  receive(options: ReceiveOptions): Promise<readonly Delivery[]>
  /** Answers the ids that are known to be unsettled because their lease was lost (best effort on SQS). */
  settle(settlements: readonly Settlement[]): Promise<readonly string[]>
  extend(deliveries: readonly Delivery[], visibilityMs: number): Promise<void>
  /** The approximate number of entries. */
  depth(): Promise<Depth>
}

/** Receipts that count, from 1. */
export const countedAttempts = ({ attempt, excused = 0 }: Pick<Delivery, 'attempt' | 'excused'>): number =>
  attempt - excused

export type Failure = { readonly id: string } & Retry
/** Handles a batch and answers the failures; a throw fails all of it. All other entries are settled as done. */
export type Handler = (batch: readonly Delivery[], signal: AbortSignal) => Promise<readonly Failure[]>

export const QUEUE_RULES = { maxBodyBytes: 256 * 1024, maxDelayMs: 15 * 60_000 } as const
