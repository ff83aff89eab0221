/**
 * The worker of the receive queue. An entry is acknowledged after its effects, each of which happens once: the message's
 * row with its event, then the webhooks. An entry that comes again does what is left, so a message is received once however
 * often it is announced. Nothing bounces: what cannot be received comes back. It waits for a store or a blob that is not
 * there; what fails for a reason of its own is stored unread at the last of five receipts.
 */

import { workOffMailbox } from '../mailboxes/jobs.ts'
import { blobKey } from '../messages/blob-keys.ts'
import { deleteAppended, finishDeletion } from '../messages/delete.ts'
import { expireMail } from '../messages/expire.ts'
import { measureStorage } from '../messages/measure-storage.ts'
import { LARGE_BYTES } from '../messages/memory.ts'
import type { ReceivedMessage } from '../messages/message.ts'
import type { Incoming } from '../messages/received.ts'
import { deleteUpload } from '../messages/uploads.ts'
import { countedAttempts, type Delivery, type Failure } from '../ports/queue.ts'
import { Failures } from '../store/failures.ts'
import { receivedEventId } from '../webhooks/event.ts'
import { notify } from '../webhooks/notify.ts'
import { parseReceiveEntry, type ReceiveEntry } from './entries.ts'
import { type ReceivePorts, readAgain, type StorePorts, storeMessage, wereReceived } from './store-message.ts'

/** A message to receive, and the delivery that fails if it can't be. */
export type Job = { readonly delivery: Delivery; readonly mail: Incoming }

/** An open blob holds 256 KB, whatever `inFlight` says. */
export const MAX_AT_ONCE = 32
/**
 * From this receipt on messages are received one by one, on a queue that cannot tell which of them has killed the process
 * and the others with it.
 */
const ALONE_FROM_ATTEMPT = 3
/** The last receipt before the dead-letter queue stores a message unread. */
const UNREAD_ATTEMPT = 5
/** A message that has killed the process twice is stored unread. */
const UNREAD_DEATHS = 2

const isLast = (delivery: Delivery) =>
  countedAttempts(delivery) >= UNREAD_ATTEMPT || (delivery.deaths ?? 0) >= UNREAD_DEATHS

/** The handler of the receive queue. */
export async function receiveBatch(
  ports: ReceivePorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const failures = new Failures(ports, 'receive', signal)
  const jobs: Job[] = []
  const rereads: Reread[] = []
  const others: Promise<void>[] = []
  for (const delivery of batch) {
    try {
      const entry = parseReceiveEntry(delivery.body)
      if (entry.kind === 'receive') jobs.push({ delivery, mail: incomingOf(entry) })
      else if (entry.kind === 'reread') rereads.push({ delivery, entry })
      else others.push(workOff(ports, entry, signal).catch((error) => failures.add(delivery, error)))
    } catch (error) {
      failures.add(delivery, error)
    }
  }
  const storing = { ...ports, signal }
  await Promise.all(others)
  await receiveJobs(storing, jobs, (some, error) => {
    for (const { delivery } of some) failures.add(delivery, error)
  })
  await readEachAgain(storing, rereads, failures)
  return failures.all()
}

function incomingOf({ accountId, id, envelope }: ReceiveEntry & { readonly kind: 'receive' }): Incoming {
  return { accountId, id, envelope, blob: blobKey(accountId, id) }
}

type Other = Exclude<ReceiveEntry, { readonly kind: 'receive' | 'reread' }>

async function workOff(ports: ReceivePorts, entry: Other, signal: AbortSignal): Promise<void> {
  const { accountId } = entry
  if (entry.kind === 'expire_upload') return deleteUpload(ports, accountId, entry.id)
  if (entry.kind === 'delete') return finishDeletion(ports, accountId, entry.id)
  if (entry.kind === 'delete_appended') return deleteAppended(ports, accountId, entry.id)
  if (entry.kind === 'mailbox_job') return workOffMailbox(ports, entry, entry.job, entry.subject)
  const allExpired = await expireMail(ports, accountId, signal)
  await measureStorage(ports, accountId, signal, !allExpired)
}

type Reread = { readonly delivery: Delivery; readonly entry: ReceiveEntry & { readonly kind: 'reread' } }

/** Reads messages again, one by one and after new mail is stored, because a message that killed a reader may do so again. */
async function readEachAgain(ports: StorePorts, rereads: readonly Reread[], failures: Failures): Promise<void> {
  for (const { delivery, entry } of rereads) {
    const { accountId, id } = entry
    if (isLast(delivery)) {
      ports.log.error('a message still cannot be read and stays unread', { account: accountId, id })
    } else await readAgain(ports, accountId, id).catch((error) => failures.add(delivery, error))
  }
}

type Fail = (jobs: readonly Job[], error: unknown) => void

/** Receives messages, 32 at a time so that memory is bounded. Never throws: `fail` gets the jobs that failed. */
export async function receiveJobs(ports: StorePorts, jobs: readonly Job[], fail: Fail): Promise<void> {
  const alone = jobs.some(({ delivery }) => countedAttempts(delivery) >= ALONE_FROM_ATTEMPT)
  const atOnce = alone ? 1 : MAX_AT_ONCE
  for (let at = 0; at < jobs.length; at += atOnce) await receiveSome(ports, jobs.slice(at, at + atOnce), fail)
}

type Stored = { readonly job: Job; readonly message: ReceivedMessage }
type Pending = { readonly job: Job; readonly receivedBefore: boolean }

/** Small messages are stored and announced together, then each large one by itself: it may end the process. */
async function receiveSome(ports: StorePorts, jobs: readonly Job[], fail: Fail): Promise<void> {
  const before = await wereReceived(
    ports.table,
    jobs.map(({ mail }) => mail),
  ).catch((error) => fail(jobs, error))
  if (before === undefined) return
  const pending = jobs.map((job, i) => ({ job, receivedBefore: before[i] ?? false }))
  const large = await receiveTogether(ports, pending, LARGE_BYTES, fail)
  for (const one of large) await receiveTogether(ports, [one], Number.POSITIVE_INFINITY, fail)
}

/** Stores and announces the messages of at most `maxBytes`. Answers the others. */
async function receiveTogether(
  ports: StorePorts,
  pending: readonly Pending[],
  maxBytes: number,
  fail: Fail,
): Promise<readonly Pending[]> {
  const larger: Pending[] = []
  const stored = await Promise.all(
    pending.map(async ({ job, receivedBefore }): Promise<Stored | undefined> => {
      try {
        const unread = isLast(job.delivery)
        const message = await storeMessage(ports, job.mail, { receivedBefore, unread, maxBytes })
        if (message !== 'too_large') return message && { job, message }
        larger.push({ job, receivedBefore })
      } catch (error) {
        fail([job], error)
      }
      return undefined
    }),
  )
  const present = stored.filter((one) => one !== undefined)
  for (const [accountId, group] of Map.groupBy(present, ({ message }) => message.accountId)) {
    await notifyOf(ports, accountId, group, fail)
  }
  return larger
}

async function notifyOf(ports: ReceivePorts, accountId: string, group: readonly Stored[], fail: Fail): Promise<void> {
  try {
    await notify(
      ports,
      accountId,
      group.map(({ message: { id, envelope } }) => ({
        id: receivedEventId(accountId, id),
        type: 'email.received',
        messageId: id,
        createdAt: new Date(envelope.receivedAt),
      })),
    )
  } catch (error) {
    fail(
      group.map(({ job }) => job),
      error,
    )
  }
}
