/**
 * Queue entries that wait for what is not there: the table, a blob, another version. SQS counts every receipt, and five of
 * them make a dead letter, so such an entry becomes a row with `due` and ends. The sweep queues it again, and the row goes
 * when the entry has succeeded, or has failed for a reason of its own, which SQS counts.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Delivery, Failure, Handler, Queue } from '@kabutar/core/ports/queue.ts'
import { StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { readRow, row } from '@kabutar/core/store/codec.ts'
import { waitAgainMs } from '@kabutar/core/store/failures.ts'
import { queueOfWaitingEntry, waitingEntryKey } from '@kabutar/core/store/keys.ts'
import { insist } from '@kabutar/core/store/once.ts'
import { type DueWork, dueAt } from '@kabutar/core/store/outbox.ts'

type WaitPorts = { readonly table: Table; readonly clock: Clock; readonly log: Log }
/** A delivery as its handler sees it; `kept` if it has a row. */
type Opened = { readonly delivery: Delivery; readonly kept: boolean }
type KeptEntry = { readonly v: 1; readonly waitingSince: number; readonly body: string }

const MINUTE = 60_000
/** After its first receipt an entry comes back within seconds: most of what is not there is there then. */
const KEPT_FROM_ATTEMPT = 2
/** A longer body does not fit its row. */
const MAX_BODY_BYTES = 60_000
const KEPT = '{"v":1,"waitingSince":'

/** Wraps the handler of a queue: what waits is a row and no failure. */
export function keepWaiting(ports: WaitPorts, queue: string, handler: Handler): Handler {
  return async (batch, signal) => {
    const opened = batch.map(open)
    const failures = await handler(
      opened.map(({ delivery }) => delivery),
      signal,
    )
    const failed = new Map(failures.map((failure) => [failure.id, failure]))
    const left = await Promise.all(opened.map((one) => settle(ports, queue, one, failed.get(one.delivery.id))))
    return left.filter((failure) => failure !== undefined)
  }
}

/** The sweep's work on these rows. */
export function dueWaitingEntry(queues: Readonly<Record<string, Queue>>): DueWork {
  return {
    queue: (item) => {
      const queue = queues[queueOfWaitingEntry(item)]
      if (queue === undefined) throw new Error(`an entry waits for the unknown queue ${item.pk}`)
      return queue
    },
    entry: (item) => {
      const { since, body } = readRow('waiting-entry', item)
      return JSON.stringify({ v: 1, waitingSince: since as number, body: body as string } satisfies KeptEntry)
    },
  }
}

/**
 * An entry that waited counts from the time of its first one, and was received before: handlers finish what an earlier
 * receipt may have left. That receipt counts as no attempt.
 */
function open(delivery: Delivery): Opened {
  if (!delivery.body.startsWith(KEPT)) return { delivery, kept: false }
  const { waitingSince, body } = JSON.parse(delivery.body) as KeptEntry
  const { attempt, excused = 0 } = delivery
  const again = { ...delivery, body, sentAt: waitingSince, attempt: attempt + 1, excused: excused + 1 }
  return { delivery: again, kept: true }
}

/** Answers what SQS is to know of. An entry whose function ends early has not waited. */
async function settle(
  ports: WaitPorts,
  queue: string,
  { delivery, kept }: Opened,
  failure: Failure | undefined,
): Promise<Failure | undefined> {
  const waits = failure?.waits === true && failure.retryInMs > 0 && delivery.attempt >= KEPT_FROM_ATTEMPT
  if (!waits && !kept) return failure
  if (failure !== undefined && Buffer.byteLength(delivery.body) > MAX_BODY_BYTES) return failure
  const key = waitingEntryKey(queue, createHash('sha256').update(delivery.body).digest('hex'))
  try {
    if (waits) await insist(ports.clock, () => keep(ports, key, delivery))
    else if (failure?.waits !== true) await insist(ports.clock, () => ports.table.write({ kind: 'delete', key }))
    return waits ? undefined : failure
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    ports.log.error('an entry that waits was not written to the table', { queue, error })
    return waits ? { ...failure, retryInMs: visibilityMs(delivery) } : failure
  }
}

async function keep({ table, clock }: WaitPorts, key: ReturnType<typeof waitingEntryKey>, delivery: Delivery) {
  const { body, sentAt: since } = delivery
  const at = clock.now() + Math.max(MINUTE, waitAgainMs(delivery, clock))
  const item = row('waiting-entry', key, { body, since, ...dueAt('waiting-entry', key.sk, key.sk, at) })
  await table.write({ kind: 'put', item })
}

/** While the table is down, SQS's count is all there is: its five receipts are spread over six hours. */
const visibilityMs = ({ attempt }: Delivery): number => MINUTE * 4 ** Math.min(attempt, 4)
