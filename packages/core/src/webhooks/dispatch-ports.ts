import type { GuardedClient } from '../net/guarded.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { Table } from '../ports/table.ts'
import { type Lanes, lanes } from './endpoint-limiter.ts'

/** What one process knows of its dispatching; made once, next to the client. */
export type DispatchMemory = {
  readonly lanes: Lanes
  /** Attempts that are being made. */
  readonly running: Set<string>
  /** Days that were noted today; see dayItem. */
  readonly days: Map<string, Promise<void> | 'noted'>
}

export type DispatchPorts = {
  readonly table: Table
  readonly webhookQueue: Queue
  readonly clock: Clock
  readonly log: Log
  readonly client: GuardedClient
  readonly memory: DispatchMemory
  /** Waits before each attempt in ms; as many attempts as waits. */
  readonly webhookRetriesMs: readonly number[]
  readonly userAgent: string
}

/** What is slow and how long to wait for a turn follow from the longest that a request may take. */
export function dispatchMemory(client: GuardedClient): DispatchMemory {
  const slowMs = client.timeoutMs / 5
  return { lanes: lanes({ slowMs, patienceMs: Math.min(100, slowMs / 2) }), running: new Set(), days: new Map() }
}
