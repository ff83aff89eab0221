/**
 * Events of operations of the API, as opposed to those on the way of a message. The event's row is part of the operation's
 * own transaction and carries `due`, so that the sweep queues what a crash left behind.
 */
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import type { Queue } from '../ports/queue.ts'
import type { Json, Put } from '../ports/table.ts'
import { accountOfKey, eventKey } from '../store/keys.ts'
import { writeIf } from '../store/once.ts'
import { DUE_ATTRIBUTES, type DueWork, dueAt } from '../store/outbox.ts'
import { EVERY_ENDPOINT, webhookEntry } from './entry.ts'
import { type EventType, eventId, eventItem, type MailEvent, subjectOfEventKey } from './event.ts'
import { type NotifyPorts, notify } from './notify.ts'
import type { NotifiedEvent } from './outcome.ts'

export type EmitPorts = NotifyPorts & { readonly ids: Ids; readonly log: Log }

const FIRST_DUE_MS = 120_000

/** A new event that speaks of no message, and the write that belongs into the transaction of the operation. */
export function newEvent(
  { clock, ids }: Pick<EmitPorts, 'clock' | 'ids'>,
  accountId: string,
  type: EventType,
  data: { readonly [name: string]: Json },
): { readonly event: MailEvent; readonly put: Put } {
  const messageId = ids.next()
  const id = eventId({ accountId, messageId, recipient: '', type, occurrence: '' })
  const event: MailEvent = { id, type, messageId, recipient: '', createdAt: new Date(clock.now()), data }
  const due = dueAt('event', accountId, id, clock.now() + FIRST_DUE_MS)
  return { event, put: { kind: 'put', item: { ...eventItem(accountId, event), ...due } } }
}

/** Queues the event after the transaction. Never throws: what fails here is left to the sweep. */
export async function emit(ports: EmitPorts, accountId: string, event: MailEvent): Promise<void> {
  try {
    await fanOut(ports, accountId, event)
  } catch (error) {
    ports.log.warn('an event is left to the sweep', { event: event.id, error: error as Error })
  }
}

/** Queues the event for every endpoint; then the sweep need not look after it. */
export async function fanOut(ports: NotifyPorts, accountId: string, event: NotifiedEvent): Promise<void> {
  await notify(ports, accountId, [event])
  await writeIf(ports.table, {
    kind: 'update',
    key: eventKey(accountId, event.messageId, event.id),
    remove: [...DUE_ATTRIBUTES, 'sweeps'],
    if: [{ exists: true }],
  })
}

/** Queues an event that is due for every endpoint. */
export function dueEvent(queue: Queue): DueWork {
  return {
    queue,
    entry: (item) =>
      webhookEntry({
        account: accountOfKey(item),
        endpoint: EVERY_ENDPOINT,
        message: subjectOfEventKey(item),
        event: item.sk,
        attempt: 1,
      }),
  }
}
