import { type FileHandle, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { WatchedRelay } from '@kabutar/core/sending/watched-relay.ts'
import type { Health } from '@kabutar/http/health.ts'
import type { Engine } from '@kabutar/local/sqlite/engine.ts'
import { countDeadLetters } from '@kabutar/local/sqlite/queue.ts'

type WatchPorts = { readonly engine: Engine; readonly clock: Clock; readonly log: Log; readonly relay?: WatchedRelay }
type StorageFault = Extract<Health['reasons'][number], `storage_${string}`>

const QUEUES = ['send', 'receive', 'webhooks'] as const
const LOOK_EVERY_MS = 5000
const CHECK_RELAY_EVERY_MS = 60_000
/** With more free space than this, a write that fits the disk is not doubted. */
const PLENTY_BYTES = 16 * 1024 * 1024
const PROBE_BYTES = 64 * 1024
const SQLITE_FULL = 13
const SQLITE_READONLY = 8

const ADVICE = {
  storage_full: 'the disk of the data folder is full: free some space, or move the folder and set KABUTAR_DATA',
  storage_read_only: 'the data folder is read-only: mount it for writing, or move it and set KABUTAR_DATA',
  storage_failing: 'the data folder can not be written to: see the disk, or move the folder and set KABUTAR_DATA',
} as const satisfies Record<StorageFault, string>

/** Watches what an operator has to know of: the disk, dead letters and the relay. It logs them, and answers GET /health. */
export class HealthWatch {
  readonly #ports: WatchPorts
  readonly #folder: string
  #fault: StorageFault | undefined
  #lookedAt = Number.NEGATIVE_INFINITY
  #relayCheckedAt = Number.NEGATIVE_INFINITY
  #deadLetters = 0

  constructor(folder: string, ports: WatchPorts) {
    this.#folder = folder
    this.#ports = ports
  }

  /** Looks again where the last look is five seconds old, or a write has failed since. */
  async report(): Promise<Health> {
    const { clock, engine, relay } = this.#ports
    const failed = engine.failure !== undefined && this.#fault === undefined
    if (failed || Math.abs(clock.now() - this.#lookedAt) >= LOOK_EVERY_MS) await this.#look()
    if (this.#fault !== undefined) return { status: 'unavailable', reasons: [this.#fault] }
    const reasons = [
      ...(relay?.failure === undefined ? [] : (['relay_failing'] as const)),
      ...(this.#deadLetters === 0 ? [] : (['dead_letters'] as const)),
    ]
    return { status: reasons.length > 0 ? 'degraded' : 'ok', reasons }
  }

  /** Looks every five seconds until the signal aborts, and at a relay that is not known to work at once and every minute. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, relay } = this.#ports
    let unknown = true
    while (!signal.aborted) {
      await this.#look()
      if (
        (unknown || relay?.failure !== undefined) &&
        Math.abs(clock.now() - this.#relayCheckedAt) >= CHECK_RELAY_EVERY_MS
      ) {
        this.#relayCheckedAt = clock.now()
        unknown = false
        void relay?.check()
      }
      await clock.sleep(LOOK_EVERY_MS, signal)
    }
  }

  async #look(): Promise<void> {
    this.#lookedAt = this.#ports.clock.now()
    const fault = await this.#storageFault()
    const { log } = this.#ports
    if (fault !== undefined) log.error('nothing can be accepted', { reason: ADVICE[fault], folder: this.#folder })
    else if (this.#fault !== undefined) log.info('mail can be accepted again')
    this.#fault = fault
    this.#countDeadLetters()
  }

  /** A small write tells, if there is a doubt: if the last write failed or space runs short. */
  async #storageFault(): Promise<StorageFault | undefined> {
    const { engine } = this.#ports
    try {
      const { bavail, bsize } = await statfs(this.#folder)
      if (engine.failure === undefined && bavail * bsize >= PLENTY_BYTES) return undefined
      await probeFile(join(this.#folder, 'storage-probe'))
      await engine.probe()
      return undefined
    } catch (error) {
      return faultOf(error)
    }
  }

  #countDeadLetters(): void {
    const { engine, log } = this.#ports
    try {
      const entries = QUEUES.reduce((sum, queue) => sum + countDeadLetters(engine, queue), 0)
      if (entries > this.#deadLetters) {
        const advice = 'the errors before this one say why; remove the cause, then run "npm run redrive"'
        log.error('queue entries failed for good and are dead letters', { entries, advice })
      }
      this.#deadLetters = entries
    } catch (error) {
      log.error('dead letters could not be counted', { error: error as Error })
    }
  }
}

async function probeFile(path: string): Promise<void> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'w', 0o600)
    await file.writeFile(Buffer.alloc(PROBE_BYTES))
    await file.sync()
  } finally {
    await file?.close()
    await rm(path, { force: true })
  }
}

function faultOf(error: unknown): StorageFault {
  let cause: unknown = error
  for (let depth = 0; cause instanceof Error && depth < 4; depth++) {
    const { code = '', errcode } = cause as NodeJS.ErrnoException & { readonly errcode?: number }
    if (code === 'ENOSPC' || code === 'EDQUOT' || errcode === SQLITE_FULL) return 'storage_full'
    if (code === 'EROFS' || errcode === SQLITE_READONLY) return 'storage_read_only'
    cause = cause.cause
  }
  return 'storage_failing'
}
