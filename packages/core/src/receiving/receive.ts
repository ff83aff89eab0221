/**
 * From the receive queue into mailboxes, or out of them (removal.ts). An entry is acknowledged after its effects, each of which is put if absent:
 * details, the message's row, its places in mailboxes, the event, the webhooks. An entry that comes again finds what is
 * done and does the rest, so a message is received once however often it is announced. Nothing ever bounces: what
 * cannot be received comes back, and after five receipts lies in the dead-letter queue, its blob untouched.
 */
import type { ByteBudget } from '../byte-budget.ts'
import { putDay } from '../days.ts'
import { deliver } from '../mailboxes/deliver.ts'
import { putDetail } from '../mailboxes/detail.ts'
import { mailboxFor } from '../mailboxes/mailbox.ts'
import { hasArrived } from '../mailboxes/rows.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Delivery, Failure } from '../ports/queue.ts'
import { isConditionFailed, StoreError } from '../ports/table.ts'
import { putEvents } from '../webhooks/event.ts'
import { type NotifyPorts, notify } from '../webhooks/notify.ts'
import { mailboxAddress, rawKey } from './accept.ts'
import { type InboundEnvelope, parseReceiveEntry, type ReceiveEntry } from './entry.ts'
import { receivedEvent } from './event.ts'
import { inFlightBudget, inspect } from './inspect.ts'
import { detailOf } from './read.ts'
import {
  completionOf,
  isRemoved,
  newReceived,
  type Received,
  readReceived,
  receivedItem,
  receivedKey,
  receivedOf,
} from './received.ts'
import { parseRemoval } from './removal.ts'
import { remove } from './remove.ts'
import { threadOf } from './threads.ts'

export type ReceivePorts = NotifyPorts & {
  readonly blobs: Blobs
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** In [0, 1). */
  random(): number
}

const FAILED_RETRY_MS = 5000

/** The handler of the receive queue. Messages of one mailbox are placed together. */
export async function receiveBatch(
  ports: ReceivePorts,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Failure[]> {
  const failures = new Map<string, Failure>()
  const fail = (deliveries: readonly Delivery[], error: unknown) => {
    for (const { id, attempt } of deliveries) {
      ports.log.error('a received message could not be stored and comes back', { attempt, error: error as Error })
      failures.set(id, { id, retryInMs: FAILED_RETRY_MS * 2 ** Math.min(attempt - 1, 6) })
    }
  }
  const inFlight = inFlightBudget(signal)
  const kept = await Promise.all(
    batch.map(async (delivery) => {
      try {
        signal.throwIfAborted()
        const removal = parseRemoval(delivery.body)
        if (removal !== undefined) return void (await remove(ports, removal))
        return { delivery, received: await keep(ports, parseReceiveEntry(delivery.body), inFlight) }
      } catch (error) {
        fail([delivery], error)
        return undefined
      }
    }),
  )
  const whole = kept.flatMap((one) => (one?.received === undefined ? [] : [one as Kept]))
  for (const [accountId, group] of Map.groupBy(whole, ({ received }) => received.accountId)) {
    await placeAndTell(ports, accountId, group, fail)
  }
  return [...failures.values()]
}

type Kept = { readonly delivery: Delivery; readonly received: Received }
type Fail = (deliveries: readonly Delivery[], error: unknown) => void

/** The row of the message, and before it all that the row promises. Undefined if the message was deleted meanwhile. */
async function keep(ports: ReceivePorts, entry: ReceiveEntry, inFlight: ByteBudget): Promise<Received | undefined> {
  const { accountId, id, envelope } = entry
  const earlier = await ports.table.get(receivedKey(accountId, id))
  if (earlier !== undefined) return isRemoved(earlier) ? undefined : complete(ports, receivedOf(earlier), envelope)
  const mailboxIds = await mailboxesFor(ports, accountId, envelope)
  // A row that is gone though the message had arrived was deleted.
  if (await hasArrived(ports.table, accountId, mailboxIds, id)) return undefined
  const detail = await inspect(ports.blobs, rawKey(accountId, id), inFlight)
  if (detail === undefined) throw new StoreError('Unavailable', 'the content of an accepted message is not there')
  const [thread] = await Promise.all([
    threadOf(ports.table, accountId, id, detail.index.references),
    putDetail(ports, accountId, mailboxIds, id, detail),
    putDay(ports.table, accountId, 'in', id),
  ])
  return putReceived(ports, newReceived(entry, detail, thread, mailboxIds))
}

/** The mailboxes that an envelope names, made where they are missing. */
export async function mailboxesFor(
  ports: ReceivePorts,
  accountId: string,
  { recipients }: Pick<InboundEnvelope, 'recipients'>,
): Promise<readonly string[]> {
  const addresses = [...new Set(recipients.map(mailboxAddress))]
  return [...new Set(await Promise.all(addresses.map((address) => mailboxFor(ports, accountId, address))))]
}

/** The envelope that came after all, for a message that had to be received without; it only gains mailboxes. */
async function complete(ports: ReceivePorts, earlier: Received, envelope: InboundEnvelope): Promise<Received> {
  if (earlier.envelope.reconstructed !== true || envelope.reconstructed === true) return earlier
  const { accountId, id } = earlier
  const more = (await mailboxesFor(ports, accountId, envelope)).filter((one) => !earlier.mailboxIds.includes(one))
  if (more.length > 0) await putDetail(ports, accountId, more, id, await detailOf(ports, earlier))
  const completed = {
    ...earlier,
    envelope: { ...envelope, receivedAt: earlier.envelope.receivedAt },
    mailboxIds: [...earlier.mailboxIds, ...more],
  }
  await ports.table.write(completionOf(completed))
  return completed
}

async function putReceived(ports: ReceivePorts, received: Received): Promise<Received | undefined> {
  try {
    await ports.table.write({ kind: 'put', item: receivedItem(received), if: [{ exists: false }] })
    return received
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    const earlier = await readReceived(ports.table, received.accountId, received.id)
    return earlier && complete(ports, earlier, received.envelope)
  }
}

async function placeAndTell(ports: ReceivePorts, accountId: string, group: readonly Kept[], fail: Fail): Promise<void> {
  const lost = new Set<Kept>()
  const mailboxIds = new Set(group.flatMap(({ received }) => received.mailboxIds))
  for (const mailboxId of mailboxIds) {
    const some = group.filter(({ received }) => received.mailboxIds.includes(mailboxId))
    try {
      const arrivals = some.map(({ received }) => arrivalOf(received))
      await deliver(ports, accountId, mailboxId, arrivals)
    } catch (error) {
      for (const one of some) lost.add(one)
      fail(
        some.map(({ delivery }) => delivery),
        error,
      )
    }
  }
  const placed = group.filter((one) => !lost.has(one))
  try {
    const events = placed.map(({ received }) => receivedEvent(received))
    await putEvents(ports.table, accountId, events)
    await notify(ports, accountId, events)
  } catch (error) {
    fail(
      placed.map(({ delivery }) => delivery),
      error,
    )
  }
}

const arrivalOf = ({ accountId, id, thread, size, envelope }: Received) => ({
  id,
  thread,
  size,
  receivedAt: envelope.receivedAt,
  blob: rawKey(accountId, id),
})
