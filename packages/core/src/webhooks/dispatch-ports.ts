import type { GuardedClient } from '../net/guarded.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { Table } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { EndpointLimiter } from './endpoint-limiter.ts'

export type DispatchPorts = {
  readonly table: Table
  readonly webhookQueue: Queue
  readonly clock: Clock
  readonly log: Log
  readonly client: GuardedClient
  readonly caches: Caches
  readonly limiter: EndpointLimiter
  /** Attempts that this process is making. */
  readonly running: Set<string>
  /** Waits before each attempt in ms; as many attempts as waits. */
  readonly webhookRetriesMs: readonly number[]
  readonly userAgent: string
  /** Answers a random number in [0, 1). */
  random(): number
}

/**
 * Makes the state of a process's dispatcher, once, next to its client. The limits follow from the longest that a request
 * may take. `random` answers numbers in [0, 1).
 */
export function dispatchState(
  { timeoutMs }: GuardedClient,
  ports: { readonly clock: Clock; random(): number },
): Pick<DispatchPorts, 'limiter' | 'running'> {
  const slowMs = timeoutMs / 5
  return { limiter: new EndpointLimiter(ports, { slowMs, patienceMs: Math.min(100, slowMs / 2) }), running: new Set() }
}
