import { dueWork } from '@kabutar/core/due-work.ts'
import type { Handler, Queue } from '@kabutar/core/ports/queue.ts'
import { receiveBatch } from '@kabutar/core/receiving/receive.ts'
import type { ReceivePorts } from '@kabutar/core/receiving/store-message.ts'
import { type SendPorts, sendBatch } from '@kabutar/core/sending/send.ts'
import { sweep } from '@kabutar/core/store/outbox.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import type { DispatchPorts } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { DISPATCHED_AT_ONCE } from '@kabutar/core/webhooks/endpoint-limiter.ts'
import type { SqliteTable } from '@kabutar/local/sqlite/table.ts'
import { type ConsumerOptions, runConsumer } from './consumer.ts'
import type { FrontDoor } from './load-shedding.ts'

export type WorkerPorts = SendPorts & ReceivePorts & DispatchPorts & WorkerTable
/** What a consumer has that others don't. */
type Own = Pick<ConsumerOptions, 'name' | 'concurrency' | 'turn'> & { readonly batch?: number }
type WorkerTable = { readonly table: SqliteTable; readonly receiveQueue: Queue }

const VISIBILITY_MS = 60_000
const SWEEP_EVERY_MS = 1000
const DELETE_EXPIRED_EVERY_MS = 60_000
const BATCH = 10
const SEND_LOOPS = 4
/** Messages that the send worker has in hand at once, at most: so many may a kill send twice. */
export const SENDING_AT_ONCE = SEND_LOOPS * BATCH
const RECEIVE_LOOPS = 4

/** Runs every worker of the process until the signal aborts; resolves when all have come to rest. */
export async function runWorkers(ports: WorkerPorts, door: FrontDoor, signal: AbortSignal): Promise<void> {
  const { clock, log, sendQueue, receiveQueue, webhookQueue, table } = ports
  const common = { batch: BATCH, visibilityMs: VISIBILITY_MS, clock, log, signal }
  const consume = (queue: Queue, handler: Handler, own: Own) => runConsumer(queue, handler, { ...common, ...own })
  const due = dueWork(ports)
  await Promise.all([
    consume(sendQueue, (batch, stop) => sendBatch(ports, batch, stop), { name: 'send', concurrency: SEND_LOOPS }),
    consume(receiveQueue, (batch, stop) => receiveBatch(ports, batch, stop), {
      name: 'receive',
      concurrency: RECEIVE_LOOPS,
      turn: door.turns(),
    }),
    consume(webhookQueue, (batch, stop) => dispatchBatch(ports, batch, stop), {
      name: 'webhooks',
      ...DISPATCHED_AT_ONCE,
    }),
    every(SWEEP_EVERY_MS, 'the sweep', ports, signal, () => sweep(ports, due)),
    every(DELETE_EXPIRED_EVERY_MS, 'removing expired rows', ports, signal, () => table.deleteExpired()),
  ])
}

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
      log.error(`${name} failed and is tried again`, { error: error as Error })
    }
    await clock.sleep(ms, signal)
  }
}
