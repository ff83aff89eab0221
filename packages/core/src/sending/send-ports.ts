import type { Blobs } from '../ports/blobs.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { Relay } from '../ports/relay.ts'
import type { Caches } from '../store/cache.ts'
import type { NotifyPorts } from '../webhooks/notify.ts'
import type { Worker } from './lease.ts'

/** What the send worker works with. */
export type SendPorts = NotifyPorts & {
  readonly blobs: Blobs
  readonly sendQueue: Queue
  readonly relay: Relay
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly worker: Worker
  readonly caches: Caches
  /** Waits between relay attempts, in milliseconds. */
  readonly sendRetries: readonly number[]
  /** In [0, 1). */
  random(): number
}
