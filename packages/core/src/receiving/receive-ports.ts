import type { Blobs } from '../ports/blobs.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Caches } from '../store/cache.ts'
import type { NotifyPorts } from '../webhooks/notify.ts'

export type ReceivePorts = NotifyPorts & {
  readonly blobs: Blobs
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly caches: Caches
  /** In [0, 1). */
  random(): number
}
