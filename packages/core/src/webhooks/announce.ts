/**
 * Events that are born in an operation of the API, and not on the way of a message. Their row is part of the operation's
 * own transaction and carries `due`, so that a crash before they are queued leaves them to the sweep.
 */

import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import { isConditionFailed, type Json, type Put } from '../ports/table.ts'
import { DUE_ATTRIBUTES, dueAt } from '../store/due.ts'
import type { DueKind } from '../store/outbox.ts'
import { encodeEntry } from './entry.ts'
import { type EventType, eventId, eventItem, eventKey, type MailEvent } from './event.ts'
import { type NotifyPorts, notify } from './notify.ts'

export type AnnouncePorts = NotifyPorts & { readonly clock: Clock; readonly ids: Ids; readonly log: Log }

/** In place of an endpoint: an entry that is for all of them, and makes an entry for each. */
export const EVERY_ENDPOINT = '*'
const FIRST_DUE_MS = 120_000

/** A new event, and the write that belongs into the transaction of what it tells. Its id is of its own time. */
export function bornEvent(
  { clock, ids }: Pick<AnnouncePorts, 'clock' | 'ids'>,
  accountId: string,
  type: EventType,
  data: { readonly [name: string]: Json },
): { readonly event: MailEvent; readonly put: Put } {
  const messageId = ids.next()
  const id = eventId({ accountId, messageId, recipient: '', type, occurrence: '' })
  const event: MailEvent = { id, type, messageId, recipient: '', createdAt: new Date(clock.now()), data }
  const due = dueAt(id, clock.now() + FIRST_DUE_MS)
  return { event, put: { kind: 'put', item: { ...eventItem(accountId, event), kind: 'event', ...due } } }
}

/** After the transaction. Never throws: what fails here is the sweep's. */
export async function announce(ports: AnnouncePorts, accountId: string, event: MailEvent): Promise<void> {
  try {
    await spread(ports, accountId, event)
  } catch (error) {
    ports.log.warn('an event is left to the sweep', { event: event.id, error: error as Error })
  }
}

/** Queues the event for every endpoint; then the sweep need not look after it. */
export async function spread(
  ports: NotifyPorts,
  accountId: string,
  event: Pick<MailEvent, 'id' | 'type' | 'messageId'>,
): Promise<undefined> {
  await notify(ports, accountId, [event])
  try {
    await ports.table.write({
      kind: 'update',
      key: eventKey(accountId, event.messageId, event.id),
      remove: [...DUE_ATTRIBUTES, 'sweeps'],
      if: [{ exists: true }],
    })
  } catch (error) {
    if (!isConditionFailed(error)) throw error
  }
}

/** What the sweep queues for an event that is due, a row of `kind` `event`. */
export function dueEvents(queue: Queue): DueKind {
  return {
    queue,
    entry({ pk, sk }) {
      const [account = '', , message = ''] = pk.split('#')
      return encodeEntry({ account, endpoint: EVERY_ENDPOINT, message, event: sk, attempt: 1 })
    },
  }
}
