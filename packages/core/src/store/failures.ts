/** Decides what becomes of queue entries that failed: when they come back, and whether that counts as an attempt. */
import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log, LogFields } from '../ports/log.ts'
import { countedAttempts, type Delivery, type Failure, QUEUE_RULES } from '../ports/queue.ts'
import { StoreError } from '../ports/table.ts'

const FIRST_RETRY_MS = 5000
/**
 * What is not there after this time is gone for good: it is longer than any repair of a disk takes, and SQS keeps a dead
 * letter for as long.
 */
export const MAX_WAIT_MS = 14 * 24 * 3600_000
const NOT_THERE: readonly string[] = ['Unavailable', 'Throttled', 'Conflict', 'UnknownFormat']

/**
 * True if an error says nothing of the work itself: the store, the disk, descriptors or a module were not there, or a
 * newer version has to read the row.
 */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof StoreError) return NOT_THERE.includes(error.code)
  if (error instanceof MailError) return error.temporary
  if (!(error instanceof Error)) return false
  const { code, syscall } = error as NodeJS.ErrnoException
  return syscall !== undefined || code === 'MODULE_NOT_FOUND' || code === 'ERR_INVALID_PACKAGE_CONFIG'
}

/** The reason of a failure, for whoever finds the entry among the dead letters. */
const reasonOf = (error: unknown): string => String(error).replace(/\s+/g, ' ').slice(0, 500)

/** Answers when an entry comes back that waits for us: after as long as it has waited so far, which doubles, at most 15 minutes. */
export function waitAgainMs({ sentAt }: Pick<Delivery, 'sentAt'>, clock: Pick<Clock, 'now'>): number {
  return Math.min(QUEUE_RULES.maxDelayMs, Math.max(FIRST_RETRY_MS, clock.now() - sentAt))
}

/**
 * Decides how an entry comes back that failed: it waits, with no attempt counted, for what is not there. After 14 days, and
 * after any other error, the failure is an attempt and the entry comes back in `retryInMs`.
 */
export function failureOf(
  { id, sentAt }: Pick<Delivery, 'id' | 'sentAt'>,
  error: unknown,
  clock: Pick<Clock, 'now'>,
  retryInMs: number,
): Failure {
  const reason = reasonOf(error)
  const mayWait = isUnavailable(error) && clock.now() - sentAt < MAX_WAIT_MS
  return mayWait ? { id, retryInMs: waitAgainMs({ sentAt }, clock), waits: true, reason } : { id, retryInMs, reason }
}

/** The deliveries of a batch that come back, each logged once with its first error. */
export class Failures {
  readonly #ports: { readonly log: Log; readonly clock: Pick<Clock, 'now'> }
  readonly #queue: string
  readonly #signal: AbortSignal
  readonly #failures = new Map<string, Failure>()

  /** After the signal aborts, every failure is one that waits: it is the shutdown that failed the work. */
  constructor(ports: { readonly log: Log; readonly clock: Pick<Clock, 'now'> }, queue: string, signal: AbortSignal) {
    this.#ports = ports
    this.#queue = queue
    this.#signal = signal
  }

  /** `about` says in the log what the entry was for. */
  add(delivery: Delivery, error: unknown, about: LogFields = {}): void {
    const { id, attempt } = delivery
    if (this.#failures.has(id)) return
    const fields = { queue: this.#queue, attempt, ...about, error: error as Error }
    const { clock, log } = this.#ports
    if (this.#signal.aborted) {
      this.#failures.set(id, { id, retryInMs: 0, waits: true })
      return
    }
    const failure = failureOf(delivery, error, clock, FIRST_RETRY_MS * 2 ** Math.min(countedAttempts(delivery) - 1, 6))
    log.error(
      failure.waits ? 'an entry waits for what is not there and comes back' : 'an entry failed and comes back',
      fields,
    )
    this.#failures.set(id, failure)
  }

  all(): readonly Failure[] {
    return [...this.#failures.values()]
  }
}
