import type { Queue } from '../ports/queue.ts'
import type { DueKind } from '../store/outbox.ts'
import { encodeEntry } from './entry.ts'
import { type Hook, hookOf, partsOfHookKey } from './rows.ts'

/** What the sweep queues for a delivery that is due, a row of `kind` `hook`: its next attempt. */
export function dueHooks(queue: Queue): DueKind {
  return { queue, entry: (item) => nextEntry(partsOfHookKey(item).accountId, hookOf(item)) }
}

export function nextEntry(accountId: string, hook: Hook): string {
  return encodeEntry({
    account: accountId,
    endpoint: hook.endpointId,
    message: hook.messageId,
    event: hook.eventId,
    type: hook.type,
    attempt: hook.made + 1,
  })
}
