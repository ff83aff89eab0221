import type { Log } from '../ports/log.ts'
import { type Outgoing, QUEUE_RULES, type Queue } from '../ports/queue.ts'
import type { Table } from '../ports/table.ts'
import { listEndpoints } from './endpoints.ts'
import { webhookEntry } from './entry.ts'
import type { MailEvent } from './event.ts'

export type NotifyPorts = {
  readonly table: Table
  readonly log: Log
  readonly webhookQueue: Queue
  /** Waits before each attempt in ms; the first one is before the first attempt, and at most 15 minutes. */
  readonly webhookRetriesMs: readonly number[]
}

const MAX_SEND = 1000

/**
 * Queues each event once for every enabled endpoint that asked for its type. The events' rows exist already, and their
 * source may be acknowledged only when this resolves. A caller that comes again queues an event twice, which
 * `dispatchBatch` makes harmless. An endpoint whose row cannot be read gets nothing. One query, whether there are endpoints
 * or not.
 */
export async function notify(
  ports: NotifyPorts,
  accountId: string,
  events: readonly Pick<MailEvent, 'id' | 'type' | 'messageId'>[],
): Promise<void> {
  if (events.length === 0) return
  const endpoints = (await listEndpoints(ports, accountId)).filter(({ enabled }) => enabled)
  const delayMs = Math.min(ports.webhookRetriesMs[0] ?? 0, QUEUE_RULES.maxDelayMs)
  const outgoing: readonly Outgoing[] = events.flatMap((event) =>
    endpoints
      .filter((endpoint) => endpoint.events.includes(event.type))
      .map((endpoint) => ({
        body: webhookEntry({
          account: accountId,
          endpoint: endpoint.id,
          message: event.messageId,
          event: event.id,
          attempt: 1,
        }),
        ...(delayMs > 0 && { delayMs }),
      })),
  )
  for (let at = 0; at < outgoing.length; at += MAX_SEND)
    await ports.webhookQueue.send(outgoing.slice(at, at + MAX_SEND))
}
