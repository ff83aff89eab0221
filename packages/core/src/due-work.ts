/** The one registry of the outbox: what the sweep queues for a due row of each kind. */
import { TRASH_KEPT_MS } from './mailboxes/step.ts'
import { MEASURED_EVERY_MS } from './messages/measure-storage.ts'
import { CONTENT_KEPT_MS } from './messages/references.ts'
import { sentOf } from './messages/rows.ts'
import { UPLOAD_KEPT_MS } from './messages/uploads.ts'
import type { Queue } from './ports/queue.ts'
import type { Item } from './ports/table.ts'
import { dueAppended, dueDeletion, dueMailboxJob, dueMeasure, dueUpload } from './receiving/entries.ts'
import { dueSend } from './sending/send-queue.ts'
import type { DueKind, DueWork, LongestWaits } from './store/outbox.ts'
import { backoffMs } from './store/sweep.ts'
import { deliveryOf, dueDelivery } from './webhooks/delivery.ts'
import { dueEvent } from './webhooks/emit.ts'

type DueQueues = { readonly sendQueue: Queue; readonly receiveQueue: Queue; readonly webhookQueue: Queue }

/** Entries that wait on AWS are not among them: the sweep's function adds them. */
export function dueWork({
  sendQueue,
  receiveQueue,
  webhookQueue,
}: DueQueues): Readonly<Record<Exclude<DueKind, 'waiting-entry'>, DueWork>> {
  return {
    'sent-message': dueSend(sendQueue),
    'received-message': dueDeletion(receiveQueue),
    'appended-message': dueAppended(receiveQueue),
    'mailbox-job': dueMailboxJob(receiveQueue),
    upload: dueUpload(receiveQueue),
    event: dueEvent(webhookQueue),
    delivery: dueDelivery(webhookQueue),
    storage: dueMeasure(receiveQueue),
  }
}

/** A lease on the largest message, or the longest pause of an endpoint, and some more. */
const LEASE_OR_PAUSE_MS = 20 * 60_000
/** Waits are spread by less than this. */
const SPREAD = 1.25

type Schedules = { readonly sendRetries: readonly number[]; readonly webhookRetriesMs: readonly number[] }

/** A message and a delivery wait as their schedule says after so many attempts, an upload as long as it is kept. */
export function longestWaits({ sendRetries, webhookRetriesMs }: Schedules): LongestWaits {
  const own = ({ sweeps }: Item) => LEASE_OR_PAUSE_MS + (Number(sweeps) > 0 ? backoffMs(Number(sweeps) - 1) : 0)
  const after = (item: Item, waits: readonly number[], made: number) => own(item) + SPREAD * (waits[made] ?? 0)
  return {
    'sent-message': (item) => after(item, sendRetries, sentOf(item).attempts - 1),
    'received-message': (item) => own(item) + CONTENT_KEPT_MS,
    'appended-message': (item) => own(item) + CONTENT_KEPT_MS,
    'mailbox-job': (item) => own(item) + TRASH_KEPT_MS,
    upload: (item) => own(item) + UPLOAD_KEPT_MS,
    event: own,
    'waiting-entry': own,
    storage: (item) => own(item) + MEASURED_EVERY_MS,
    delivery: (item) => {
      const { made, madeBefore } = deliveryOf(item)
      return after(item, webhookRetriesMs, made - madeBefore)
    },
  }
}
