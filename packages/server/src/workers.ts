import { dueWork, longestWaits } from '@kabutar/core/due-work.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Handler, Queue } from '@kabutar/core/ports/queue.ts'
import { receiveBatch } from '@kabutar/core/receiving/receive.ts'
import type { ReceivePorts } from '@kabutar/core/receiving/store-message.ts'
import { type SendPorts, sendBatch } from '@kabutar/core/sending/send.ts'
import { endLongWaits } from '@kabutar/core/store/outbox.ts'
import { sweep } from '@kabutar/core/store/sweep.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import type { DispatchPorts } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { DISPATCHED_AT_ONCE } from '@kabutar/core/webhooks/endpoint-limiter.ts'
import type { SqliteTable } from '@kabutar/local/sqlite/table.ts'
import { type ConsumerOptions, runConsumer } from './consumer.ts'
import type { LoadShedding } from './load-shedding.ts'

type WorkerPorts = SendPorts & ReceivePorts & DispatchPorts & WorkerTable
/** The options that differ between consumers. */
type OwnOptions = Pick<ConsumerOptions, 'name' | 'concurrency' | 'turn'> & { readonly batch?: number }
type WorkerTable = {
  readonly table: SqliteTable
  readonly sendQueue: Queue
  readonly receiveQueue: Queue
  /** Ends delays in the queues that are longer than a delay can be. */
  endLongDelays(): Promise<void>
}

const VISIBILITY_MS = 60_000
const SWEEP_EVERY_MS = 1000
const DELETE_EXPIRED_EVERY_MS = 60_000
const BATCH = 10
const SEND_LOOPS = 4
/** The most messages that the send worker holds at once. A kill can send so many twice. */
export const SENDING_AT_ONCE = SEND_LOOPS * BATCH
const RECEIVE_LOOPS = 4

/** Runs every worker of the process until the signal aborts. Resolves when all of them have ended. */
export async function runWorkers(ports: WorkerPorts, shedding: LoadShedding, signal: AbortSignal): Promise<void> {
  const { clock, random, log, sendQueue, receiveQueue, webhookQueue, table } = ports
  const common = { batch: BATCH, visibilityMs: VISIBILITY_MS, clock, random, log, signal }
  const consume = (queue: Queue, handler: Handler, own: OwnOptions) =>
    runConsumer(queue, handler, { ...common, ...own })
  const due = dueWork(ports)
  const wasSetBack = setBackWatch(clock)
  await Promise.all([
    consume(sendQueue, (batch, stop) => sendBatch(ports, batch, stop), { name: 'send', concurrency: SEND_LOOPS }),
    consume(receiveQueue, (batch, stop) => receiveBatch(ports, batch, stop), {
      name: 'receive',
      concurrency: RECEIVE_LOOPS,
      turn: shedding.turns(),
    }),
    consume(webhookQueue, (batch, stop) => dispatchBatch(ports, batch, stop), {
      name: 'webhooks',
      ...DISPATCHED_AT_ONCE,
    }),
    every(SWEEP_EVERY_MS, 'the sweep', ports, signal, async () => {
      if (wasSetBack()) await endWaits(ports)
      await sweep(ports, due, signal)
    }),
    every(DELETE_EXPIRED_EVERY_MS, 'removing expired rows', ports, signal, () => table.deleteExpired()),
  ])
}

const SET_BACK_MS = 60_000

/**
 * Returns a check that is true if the time of day was set back by more than a minute since the last call. The first call
 * is true too, because it may have been set back while no process ran.
 */
export function setBackWatch(clock: Pick<Clock, 'now' | 'monotonic'>): () => boolean {
  let offset = Number.POSITIVE_INFINITY
  return () => {
    const before = offset
    offset = clock.now() - clock.monotonic()
    return offset < before - SET_BACK_MS
  }
}

/** Ends waits that lie further ahead than they can. Without this, what waits for a minute would wait for a day more. */
async function endWaits(ports: WorkerPorts): Promise<void> {
  await ports.endLongDelays()
  const rows = await endLongWaits(ports, longestWaits(ports))
  if (rows > 0) ports.log.warn('the time of day was set back; what lay too far ahead is due now', { rows })
}

/** Repeats `work` with a pause of `ms` until the signal aborts. An error is logged. */
async function every(
  ms: number,
  name: string,
  { clock, log }: Pick<WorkerPorts, 'clock' | 'log'>,
  signal: AbortSignal,
  work: () => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work()
    } catch (error) {
      log.error(`${name} failed and will be tried again`, { error: error as Error })
    }
    await clock.sleep(ms, signal)
  }
}
