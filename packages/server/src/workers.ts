import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { dueSends } from '@kabutar/core/sending/entry.ts'
import { type SendPorts, sendBatch } from '@kabutar/core/sending/send.ts'
import { sweep } from '@kabutar/core/sweep.ts'
import type { SqliteTable } from '@kabutar/local/table.ts'
import { runConsumer } from './consumer.ts'

export type WorkerPorts = SendPorts & { readonly table: SqliteTable; readonly clock: Clock; readonly log: Log }

/** `concurrency` loops with at most `batch` messages each: their product bounds what a kill can send twice. */
export const SEND_CONSUMER = { concurrency: 4, batch: 10 } as const
const VISIBILITY_MS = 60_000
const SWEEP_EVERY_MS = 1000
const REAP_EVERY_MS = 60_000

/** Runs every worker of the process until the signal aborts; resolves when all have come to rest. */
export async function runWorkers(ports: WorkerPorts, signal: AbortSignal): Promise<void> {
  const { clock, log } = ports
  await Promise.all([
    runConsumer(ports.sendQueue, (batch, s) => sendBatch(ports, batch, s), {
      ...SEND_CONSUMER,
      name: 'send',
      visibilityMs: VISIBILITY_MS,
      clock,
      log,
      signal,
    }),
    every(SWEEP_EVERY_MS, 'the sweep', ports, signal, () => sweep(ports, { send: dueSends(ports.sendQueue) })),
    every(REAP_EVERY_MS, 'removing expired rows', ports, signal, () => ports.table.reap()),
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
