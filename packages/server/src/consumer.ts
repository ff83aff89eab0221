/**
 * The loop behind every worker outside Lambda: receive, keep the lease while the handler runs, settle. At least once: an
 * entry whose settlement is lost comes back, and handlers are idempotent. Nothing here ends the process; what fails is
 * logged and tried again after a bounded wait.
 *
 * A consumer can be made to give way: it then waits for its turn before each batch, and while the front door is crowded its
 * turn comes seldom, though never not at all (front-door.ts). The batch in hand is always finished first.
 */
import { setImmediate } from 'node:timers/promises'
import { type Clock, NO_ERROR } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Delivery, Handler, Queue, Settlement } from '@kabutar/core/ports/queue.ts'
import type { Turn } from './load-shedding.ts'

export type ConsumerOptions = {
  /** Of the queue, for the log. */
  readonly name: string
  /** Loops, each with one batch in hand. */
  readonly concurrency: number
  /** Entries in a batch, at most. */
  readonly batch: number
  readonly visibilityMs: number
  readonly clock: Clock
  readonly log: Log
  /** Aborting it starts the drain. */
  readonly signal: AbortSignal
  /** How long one receive waits for entries. @default 20000 */
  readonly waitMs?: number
  /** A handler that takes longer is told to stop, and its entries come back. @default 15 minutes */
  readonly maxHandlingMs?: number
  /** After the drain began, handlers may go on for this long before they are told to stop. @default 8000 */
  readonly drainMs?: number
  /** Waited for before each batch; see front-door.ts. */
  readonly turn?: Turn
}

const RECEIVE_BACKOFF_MS = { first: 100, most: 10_000 } as const
const FAILURE_BACKOFF_MS = { first: 5000, most: 15 * 60_000 } as const
/** What a handler that was told to stop has left to do so. */
const GRACE_MS = 1000

type Run = ConsumerOptions & { readonly queue: Queue; readonly handler: Handler; readonly stop: AbortSignal }

/**
 * Runs until `signal` aborts, then stops receiving and waits for the handlers at work: `drainMs`, and a second more once
 * they were told to stop. Entries of a handler that ignores even that are left unsettled, and their leases run out.
 * Never rejects.
 */
export async function runConsumer(queue: Queue, handler: Handler, options: ConsumerOptions): Promise<void> {
  const { clock, concurrency, drainMs = 8000, signal } = options
  const finished = new AbortController()
  const stop = new AbortController()
  const run: Run = { ...options, queue, handler, stop: stop.signal }
  const loops = Promise.all(Array.from({ length: concurrency }, () => receiveLoop(run)))
  const drained = aborted(signal, finished.signal)
    .then(() => clock.sleep(drainMs, finished.signal))
    .then(() => stop.abort(new Error('the process is shutting down')))
    .then(() => clock.sleep(GRACE_MS, finished.signal))
  await Promise.race([loops, drained])
  finished.abort(NO_ERROR)
}

/** A batch is settled while the next one is received: where writes share a commit, the two are one. */
async function receiveLoop(run: Run): Promise<void> {
  let failures = 0
  let waitedMs = 0
  let settled: Promise<void> = Promise.resolve()
  while (!run.signal.aborted) {
    try {
      const { batch: max, visibilityMs, waitMs = 20_000, signal } = run
      await run.turn?.(waitedMs, signal)
      const batch = await run.queue.receive({ max, visibilityMs, waitMs, signal })
      failures = 0
      waitedMs = Math.max(0, ...batch.map(({ sentAt }) => run.clock.now() - sentAt))
      await settled
      if (batch.length > 0) settled = settle(run, await handle(run, batch))
      // A queue that answers at once must not keep timers and sockets from their turn.
      else await setImmediate()
    } catch (error) {
      if (run.signal.aborted) break
      const retryInMs = backoff(RECEIVE_BACKOFF_MS, failures++)
      run.log.warn('receiving failed', { queue: run.name, retryInMs, error: errorOf(error) })
      await run.clock.sleep(retryInMs, run.signal)
    }
  }
  await settled
}

/** Undefined if the handler does not stop. Never rejects. */
async function handle(run: Run, batch: readonly Delivery[]): Promise<readonly Settlement[] | undefined> {
  const { clock, maxHandlingMs = 15 * 60_000 } = run
  const finished = new AbortController()
  const stop = new AbortController()
  const beat = new AbortController()
  const halt = (reason: unknown) => {
    stop.abort(reason)
    beat.abort(NO_ERROR)
  }
  const forget = whenAborted(run.stop, () => halt(run.stop.reason))
  const late = clock.sleep(maxHandlingMs, finished.signal).then(() => {
    if (!finished.signal.aborted) halt(new Error(`handling took more than ${maxHandlingMs} ms`))
  })
  const given = late.then(() => clock.sleep(GRACE_MS, finished.signal)).then(() => undefined)
  const beating = heartbeat(run, batch, beat.signal)
  const settlements = await Promise.race([settlementsOf(run, batch, stop.signal), given])
  forget()
  finished.abort(NO_ERROR)
  beat.abort(NO_ERROR)
  await beating
  if (settlements === undefined)
    run.log.error('a handler does not stop; its entries come back', { queue: run.name, entries: batch.length })
  return settlements
}

/**
 * Not `AbortSignal.any`: what that makes for each batch of a signal that lives as long as the process is given back only by
 * the garbage collector's long pauses.
 */
function whenAborted(signal: AbortSignal, then: () => void): () => void {
  if (signal.aborted) then()
  signal.addEventListener('abort', then, { once: true })
  return () => signal.removeEventListener('abort', then)
}

/** Extends the leases at each third of them, until `signal` aborts. A failed extension is logged: the next may succeed. */
async function heartbeat(run: Run, batch: readonly Delivery[], signal: AbortSignal): Promise<void> {
  const { clock, log, name, queue, visibilityMs } = run
  await clock.sleep(visibilityMs / 3, signal)
  while (!signal.aborted) {
    try {
      await queue.extend(batch, visibilityMs)
    } catch (error) {
      log.warn('extending leases failed', { queue: name, error: errorOf(error) })
    }
    await clock.sleep(visibilityMs / 3, signal)
  }
}

async function settlementsOf(run: Run, batch: readonly Delivery[], signal: AbortSignal): Promise<Settlement[]> {
  try {
    const failures = new Map((await run.handler(batch, signal)).map(({ id, retryInMs }) => [id, retryInMs]))
    return batch.map((delivery) => {
      const retryInMs = failures.get(delivery.id)
      return retryInMs === undefined ? { delivery, ok: true } : { delivery, ok: false, retryInMs }
    })
  } catch (error) {
    run.log.error('a handler failed', { queue: run.name, entries: batch.length, error: errorOf(error) })
    return batch.map((delivery) => {
      const retryInMs = backoff(FAILURE_BACKOFF_MS, delivery.attempt - 1)
      return { delivery, ok: false, retryInMs }
    })
  }
}

/** Never rejects. */
async function settle({ log, name, queue }: Run, settlements: readonly Settlement[] | undefined): Promise<void> {
  if (settlements === undefined) return
  try {
    const lost = await queue.settle(settlements)
    if (lost.length > 0) log.warn('leases ran out before they were settled', { queue: name, entries: lost.length })
  } catch (error) {
    log.warn('settling failed; the entries come back', { queue: name, error: errorOf(error) })
  }
}

/** Doubles with each failure before; the upper half is random, so that many do not come back as one. */
function backoff({ first, most }: { readonly first: number; readonly most: number }, failures: number): number {
  const ms = Math.min(most, first * 2 ** Math.min(failures, 30))
  return Math.round(ms / 2 + (Math.random() * ms) / 2)
}

const errorOf = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))

/** Resolves when either signal aborts. */
async function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  const forgets: (() => void)[] = []
  await new Promise<void>((resolve) => {
    for (const signal of signals) forgets.push(whenAborted(signal, resolve))
  })
  for (const forget of forgets) forget()
}
