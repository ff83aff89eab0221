/**
 * The loop of every worker outside Lambda: receive a batch, extend its lease while the handler runs, settle. Delivery is
 * at least once: an entry whose settlement is lost comes back, and handlers are idempotent. No error ends the process;
 * it is logged, and the call is tried again after a bounded wait.
 */

import { type Clock, NO_ERROR } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import {
  countedAttempts,
  type Delivery,
  type Failure,
  type Handler,
  type Queue,
  type Settlement,
} from '@kabutar/core/ports/queue.ts'
import { failureOf } from '@kabutar/core/store/failures.ts'
import type { Turn } from './load-shedding.ts'

export type ConsumerOptions = {
  /** The name of the queue, for the log. */
  readonly name: string
  /** Loops that run at once, each with one batch. */
  readonly concurrency: number
  /** The most entries in a batch. */
  readonly batch: number
  readonly visibilityMs: number
  readonly clock: Clock
  /** Answers a number from 0 to 1 for the jitter of waits after errors. */
  readonly random: () => number
  readonly log: Log
  /** Aborting it starts the drain. */
  readonly signal: AbortSignal
  /** The longest wait of one receive for entries. @default 20000 */
  readonly waitMs?: number
  /** The signal of a handler that takes longer is aborted, and its entries come back. @default 15 minutes */
  readonly maxHandlingMs?: number
  /** The time that handlers have to end once the drain has begun; then their signal is aborted. @default 8000 */
  readonly drainMs?: number
  /** Delays each batch while the process is busy accepting; see load-shedding.ts. */
  readonly turn?: Turn
}

type Backoff = { readonly first: number; readonly max: number }
const RECEIVE_BACKOFF_MS: Backoff = { first: 100, max: 10_000 }
const FAILURE_BACKOFF_MS: Backoff = { first: 5000, max: 15 * 60_000 }
/** The time that a handler has to end after its signal was aborted. */
const GRACE_MS = 1000

type Run = ConsumerOptions & { readonly queue: Queue; readonly handler: Handler; readonly stop: AbortSignal }

/**
 * Runs until `signal` aborts. Then it stops receiving and waits for the running handlers for `drainMs`, and for a second
 * more after their signal is aborted. The entries of a handler that ignores the signal are not settled, so their leases
 * run out. Never rejects.
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

/** Settles a batch while the next one is received, because the two calls can share a commit. */
async function receiveLoop(run: Run): Promise<void> {
  let failures = 0
  let ageMs = 0
  let settled: Promise<void> = Promise.resolve()
  while (!run.signal.aborted) {
    try {
      const { batch: max, visibilityMs, waitMs = 20_000, signal } = run
      await run.turn?.(ageMs, signal)
      const batch = await run.queue.receive({ max, visibilityMs, waitMs, signal })
      failures = 0
      ageMs = Math.max(0, ...batch.map(({ sentAt }) => run.clock.now() - sentAt))
      await settled
      if (batch.length > 0) settled = settle(run, await handle(run, batch))
      // A queue that answers at once must not starve timers and sockets.
      else await run.clock.turn()
    } catch (error) {
      if (run.signal.aborted) break
      const retryInMs = backoff(run, RECEIVE_BACKOFF_MS, failures++)
      run.log.warn('receiving failed', { queue: run.name, retryInMs, error: errorOf(error) })
      await run.clock.sleep(retryInMs, run.signal)
    }
  }
  await settled
}

/** Runs the handler. Answers undefined if it does not end in time. Never rejects. */
async function handle(run: Run, batch: readonly Delivery[]): Promise<readonly Settlement[] | undefined> {
  const { clock, maxHandlingMs = 15 * 60_000 } = run
  const finished = new AbortController()
  const stop = new AbortController()
  const beat = new AbortController()
  const halt = (reason: unknown) => {
    stop.abort(reason)
    beat.abort(NO_ERROR)
  }
  const stopListening = whenAborted(run.stop, () => halt(run.stop.reason))
  const timeout = clock.sleep(maxHandlingMs, finished.signal).then(() => {
    if (!finished.signal.aborted) halt(new Error(`handling took more than ${maxHandlingMs} ms`))
  })
  const givenUp = timeout.then(() => clock.sleep(GRACE_MS, finished.signal)).then(() => undefined)
  const beating = heartbeat(run, batch, beat.signal)
  const settlements = await Promise.race([settlementsOf(run, batch, stop.signal), givenUp])
  stopListening()
  finished.abort(NO_ERROR)
  beat.abort(NO_ERROR)
  await beating
  if (settlements === undefined)
    run.log.error('a handler did not stop; its entries come back', { queue: run.name, entries: batch.length })
  return settlements
}

/**
 * Calls `then` when the signal aborts, and returns a function that stops listening. `AbortSignal.any` would leave an
 * object for each batch on a signal that lives as long as the process.
 */
function whenAborted(signal: AbortSignal, then: () => void): () => void {
  if (signal.aborted) then()
  signal.addEventListener('abort', then, { once: true })
  return () => signal.removeEventListener('abort', then)
}

/** Extends the leases each third of their time until `signal` aborts. Errors are logged; the next call may succeed. */
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
  const failures = new Map((await failuresOf(run, batch, signal)).map(({ id, ...retry }) => [id, retry]))
  return batch.map((delivery) => {
    const retry = failures.get(delivery.id)
    return retry === undefined ? { delivery, ok: true } : { delivery, ok: false, ...retry }
  })
}

/** A throw of the handler fails the whole batch. */
async function failuresOf(run: Run, batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Failure[]> {
  try {
    return await run.handler(batch, signal)
  } catch (error) {
    run.log.error('a handler failed', { queue: run.name, entries: batch.length, error: errorOf(error) })
    return batch.map((delivery) => {
      const retryInMs = backoff(run, FAILURE_BACKOFF_MS, countedAttempts(delivery) - 1)
      return failureOf(delivery, error, run.clock, retryInMs)
    })
  }
}

/**
 * Settles a batch. A settlement that fails is tried again while its leases last, because a receipt without one counts as
 * an attempt; then the entries come back. Never rejects.
 */
async function settle(run: Run, settlements: readonly Settlement[] | undefined): Promise<void> {
  const { clock, log, name, queue, signal, visibilityMs } = run
  const until = clock.monotonic() + visibilityMs / 2
  for (let failures = 0; settlements !== undefined; failures++) {
    try {
      const lost = await queue.settle(settlements)
      if (lost.length > 0) log.warn('leases ran out before they were settled', { queue: name, entries: lost.length })
      return
    } catch (error) {
      const isLast = signal.aborted || clock.monotonic() >= until
      log.warn(isLast ? 'settling failed; the entries come back' : 'settling failed and is tried again', {
        queue: name,
        error: errorOf(error),
      })
      if (isLast) return
      await clock.sleep(backoff(run, RECEIVE_BACKOFF_MS, failures), signal)
    }
  }
}

/** Doubles with each failure. Half of it is random, so that entries that failed together do not come back together. */
function backoff({ random }: Run, { first, max }: Backoff, failures: number): number {
  const ms = Math.min(max, first * 2 ** Math.min(failures, 30))
  return Math.round(ms / 2 + (random() * ms) / 2)
}

const errorOf = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))

/** Resolves when either signal aborts. */
async function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  const stops: (() => void)[] = []
  await new Promise<void>((resolve) => {
    for (const signal of signals) stops.push(whenAborted(signal, resolve))
  })
  for (const stop of stops) stop()
}
