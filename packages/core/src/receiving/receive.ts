/**
 * From the receive queue into mailboxes, or out of them (removal.ts). An entry is acknowledged after its effects, each
 * of which is put if absent: the message's row with its event, its places in mailboxes, the webhooks. An entry that comes
 * again finds what is done and does the rest, so a message is received once however often it is announced. Nothing ever
 * bounces: what cannot be received comes back, and after five receipts lies in the dead-letter queue, its blob untouched.
 */
import { deliver } from '../mailboxes/deliver.ts'
import type { Incoming, Received } from '../messages/received.ts'
import type { Log } from '../ports/log.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import { receivedEventId } from '../webhooks/event.ts'
import { notify } from '../webhooks/notify.ts'
import { rawKey } from './accept.ts'
import { remove } from './delete.ts'
import { parseRemoval, type Removal } from './delete-job.ts'
import { parseReceiveEntry } from './entry.ts'
import { inFlightBudget } from './inspect.ts'
import type { ReceivePorts } from './receive-ports.ts'
import { type KeepPorts, type Kept, keep, lookUp } from './store-message.ts'

/** A message to receive, and what fails if it fails. */
export type Job = { readonly delivery: Delivery; readonly mail: Incoming }

const FAILED_RETRY_MS = 5000
/** A blob that is opened holds 256 KB, whatever `inFlight` says. */
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
    this.#log.error('mail could not be received and comes back', { attempt, error: error as Error })
    this.#failures.set(id, { id, retryInMs: FAILED_RETRY_MS * 2 ** Math.min(attempt - 1, 6) })
  }

  all(): readonly Failure[] {
    return [...this.#failures.values()]
  }
}

/** The handler of the receive queue. Messages of one mailbox are placed together. */
export async function receiveBatch(
  ports: ReceivePorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const failures = new Failures(ports.log)
  const jobs: Job[] = []
  const removals: [Delivery, Removal][] = []
  for (const delivery of batch) {
    try {
      const removal = parseRemoval(delivery.body)
      if (removal !== undefined) removals.push([delivery, removal])
      else jobs.push({ delivery, mail: incomingOf(delivery.body) })
    } catch (error) {
      failures.add(delivery, error)
    }
  }
  const remain = async ([delivery, removal]: [Delivery, Removal]) =>
    remove(ports, removal).catch((error) => failures.add(delivery, error))
  await Promise.all(removals.map(remain))
  await receiveJobs({ ...ports, inFlight: inFlightBudget(signal) }, jobs, (some, error) => {
    for (const { delivery } of some) failures.add(delivery, error)
  })
  return failures.all()
}

function incomingOf(body: string): Incoming {
  const entry = parseReceiveEntry(body)
  return { ...entry, blob: rawKey(entry.accountId, entry.id) }
}

export type Fail = (jobs: readonly Job[], error: unknown) => void

/**
 * Receives messages, so many at a time that little of them is in memory; one that is there twice is received and then
 * found. Never throws: what failed is told to `fail`.
 */
export async function receiveJobs(ports: KeepPorts, jobs: readonly Job[], fail: Fail): Promise<void> {
  for (let left = jobs; left.length > 0; ) {
    const some = new Map<string, Job>()
    const rest: Job[] = []
    for (const job of left) {
      const name = `${job.mail.accountId} ${job.mail.id}`
      if (some.has(name) || some.size === MAX_AT_ONCE) rest.push(job)
      else some.set(name, job)
    }
    await receiveDistinct(ports, [...some.values()], fail)
    left = rest
  }
}

async function receiveDistinct(ports: KeepPorts, jobs: readonly Job[], fail: Fail): Promise<void> {
  const known = await lookUp(
    ports,
    jobs.map(({ mail }) => mail),
  ).catch((error) => fail(jobs, error))
  if (known === undefined) return
  const kept = await Promise.all(
    jobs.map(async (job, i) => {
      try {
        const one = known[i] && (await keep(ports, job.mail, known[i]))
        return one && { job, ...one }
      } catch (error) {
        return fail([job], error)
      }
    }),
  )
  const whole = kept.filter((one) => one !== undefined)
  for (const [accountId, group] of Map.groupBy(whole, ({ received }) => received.accountId)) {
    await placeAndTell(ports, accountId, group, fail)
  }
}

type Placing = Kept & { readonly job: Job }

async function placeAndTell(ports: ReceivePorts, accountId: string, group: readonly Placing[], fail: Fail) {
  const lost = new Set<Placing>()
  for (const mailboxId of new Set(group.flatMap(({ missing }) => missing))) {
    const some = group.filter(({ missing }) => missing.includes(mailboxId))
    try {
      await deliver(ports, accountId, mailboxId, some.map(arrivalOf))
    } catch (error) {
      for (const one of some) lost.add(one)
      fail(
        some.map(({ job }) => job),
        error,
      )
    }
  }
  const placed = group.filter((one) => !lost.has(one))
  try {
    await notify(
      ports,
      accountId,
      placed.map(({ received }) => eventOf(accountId, received)),
    )
  } catch (error) {
    fail(
      placed.map(({ job }) => job),
      error,
    )
  }
}

function arrivalOf({ received: { id, thread, size, envelope, blob }, detail }: Placing) {
  return { id, thread, size, receivedAt: envelope.receivedAt, blob, detail }
}

const eventOf = (accountId: string, { id }: Received) =>
  ({ id: receivedEventId(accountId, id), type: 'email.received', messageId: id }) as const
