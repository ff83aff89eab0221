/**
 * The worker of the receive queue. An entry is acknowledged after its effects, each of which happens once: the message's
 * row with its event, then the webhooks. An entry that comes again does what is left, so a message is received once however
 * often it is announced. Nothing bounces: what cannot be received comes back, and after five receipts it lies in the
 * dead-letter queue, its blob untouched.
 */
import { blobKey } from '../messages/blob-keys.ts'
import { finishDeletion } from '../messages/delete.ts'
import { inFlightBudget } from '../messages/index-blob.ts'
import type { ReceivedMessage } from '../messages/message.ts'
import type { Incoming } from '../messages/received.ts'
import { deleteUpload } from '../messages/uploads.ts'
import type { Log } from '../ports/log.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import { receivedEventId } from '../webhooks/event.ts'
import { notify } from '../webhooks/notify.ts'
import { parseReceiveEntry, type ReceiveEntry } from './entries.ts'
import { type ReceivePorts, type StorePorts, storeMessage, wereReceived } from './store-message.ts'

/** A message to receive, and the delivery that fails if it can't be. */
export type Job = { readonly delivery: Delivery; readonly mail: Incoming }

const FAILED_RETRY_MS = 5000
/** An open blob holds 256 KB, whatever `inFlight` says. */
export const MAX_AT_ONCE = 32

/** The deliveries of a batch that come back, each logged once with its first error. */
export class Failures {
  readonly #log: Log
  readonly #failures = new Map<string, Failure>()

  constructor(log: Log) {
    this.#log = log
  }

  add({ id, attempt }: Delivery, error: unknown): void {
    if (this.#failures.has(id)) return
    this.#log.error('an entry of the receive queue failed and comes back', { attempt, error: error as Error })
    this.#failures.set(id, { id, retryInMs: FAILED_RETRY_MS * 2 ** Math.min(attempt - 1, 6) })
  }

  all(): readonly Failure[] {
    return [...this.#failures.values()]
  }
}

/** The handler of the receive queue. */
export async function receiveBatch(
  ports: ReceivePorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const failures = new Failures(ports.log)
  const jobs: Job[] = []
  const deletions: Promise<void>[] = []
  for (const delivery of batch) {
    try {
      const entry = parseReceiveEntry(delivery.body)
      if (entry.kind === 'receive') jobs.push({ delivery, mail: incomingOf(entry) })
      else deletions.push(deleteFor(ports, entry).catch((error) => failures.add(delivery, error)))
    } catch (error) {
      failures.add(delivery, error)
    }
  }
  await Promise.all(deletions)
  await receiveJobs({ ...ports, inFlight: inFlightBudget(signal) }, jobs, (some, error) => {
    for (const { delivery } of some) failures.add(delivery, error)
  })
  return failures.all()
}

function incomingOf({ accountId, id, envelope }: ReceiveEntry & { readonly kind: 'receive' }): Incoming {
  return { accountId, id, envelope, blob: blobKey(accountId, id) }
}

async function deleteFor(ports: ReceivePorts, { kind, accountId, id }: ReceiveEntry): Promise<void> {
  if (kind === 'expire_upload') await deleteUpload(ports, accountId, id)
  else await finishDeletion(ports, accountId, id)
}

type Fail = (jobs: readonly Job[], error: unknown) => void

/** Receives messages, 32 at a time so that memory is bounded. Never throws: `fail` gets the jobs that failed. */
export async function receiveJobs(ports: StorePorts, jobs: readonly Job[], fail: Fail): Promise<void> {
  for (let at = 0; at < jobs.length; at += MAX_AT_ONCE) {
    await receiveSome(ports, jobs.slice(at, at + MAX_AT_ONCE), fail)
  }
}

type Stored = { readonly job: Job; readonly message: ReceivedMessage }

async function receiveSome(ports: StorePorts, jobs: readonly Job[], fail: Fail): Promise<void> {
  const before = await wereReceived(
    ports.table,
    jobs.map(({ mail }) => mail),
  ).catch((error) => fail(jobs, error))
  if (before === undefined) return
  const stored = await Promise.all(
    jobs.map(async (job, i): Promise<Stored | undefined> => {
      try {
        const message = await storeMessage(ports, job.mail, before[i] ?? false)
        return message && { job, message }
      } catch (error) {
        fail([job], error)
        return undefined
      }
    }),
  )
  const present = stored.filter((one) => one !== undefined)
  for (const [accountId, group] of Map.groupBy(present, ({ message }) => message.accountId)) {
    await notifyOf(ports, accountId, group, fail)
  }
}

async function notifyOf(ports: ReceivePorts, accountId: string, group: readonly Stored[], fail: Fail): Promise<void> {
  try {
    await notify(
      ports,
      accountId,
      group.map(({ message: { id } }) => ({
        id: receivedEventId(accountId, id),
        type: 'email.received',
        messageId: id,
      })),
    )
  } catch (error) {
    fail(
      group.map(({ job }) => job),
      error,
    )
  }
}
