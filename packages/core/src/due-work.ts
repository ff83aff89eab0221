/** The one registry of the outbox: what the sweep queues for a due row of each kind. */
import type { Queue } from './ports/queue.ts'
import { dueDeletion, dueUpload } from './receiving/entries.ts'
import { dueSend } from './sending/send-queue.ts'
import type { DueKind, DueWork } from './store/outbox.ts'
import { dueDelivery } from './webhooks/delivery.ts'
import { dueEvent } from './webhooks/emit.ts'

type DueQueues = { readonly sendQueue: Queue; readonly receiveQueue: Queue; readonly webhookQueue: Queue }

export function dueWork({ sendQueue, receiveQueue, webhookQueue }: DueQueues): Readonly<Record<DueKind, DueWork>> {
  return {
    'sent-message': dueSend(sendQueue),
    'received-message': dueDeletion(receiveQueue),
    upload: dueUpload(receiveQueue),
    event: dueEvent(webhookQueue),
    delivery: dueDelivery(webhookQueue),
  }
}
