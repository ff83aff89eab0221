import type { Message } from '@kabutar/core/messages/message.ts'
import { getReceived, getSent } from '@kabutar/core/messages/read.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { type HistoryDelivery, type HistoryItem, historyOf } from '@kabutar/core/sending/history.ts'
import type { Caches } from '@kabutar/core/store/cache.ts'
import { type Context, Hono } from 'hono'
import { MAX_ANSWER_BYTES, within } from './answer.ts'
import { accountOf, type Env, idOf } from './env.ts'
import { listOf } from './page.ts'

type HistoryPorts = { readonly table: Table; readonly caches: Caches; readonly log: Log; readonly clock: Clock }

export const sentHistory = (ports: HistoryPorts) => messageHistory(ports, getSent)
export const receivedHistory = (ports: HistoryPorts) => messageHistory(ports, getReceived)

/** GET /:id/events: everything that happened to a message, oldest first, with the webhooks that told of it. */
function messageHistory(ports: HistoryPorts, read: (table: Table, accountId: string, id: string) => Promise<Message>) {
  return new Hono<Env>().get('/:id/events', async (c: Context<Env>) => {
    const items = await historyOf(ports, await read(ports.table, accountOf(c), idOf(c)))
    const kept = within(items.map(shownItem), MAX_ANSWER_BYTES - 100)
    return c.json(listOf(kept, kept.length < items.length))
  })
}

function shownItem(item: HistoryItem) {
  const { type, eventId = null, at, recipients, attempt, host, replyCode, status, response, reason } = item
  return {
    id: eventId,
    type,
    created_at: at.toISOString(),
    recipients,
    ...(attempt !== undefined && { attempt }),
    ...(host !== undefined && { host }),
    ...(replyCode !== undefined && { reply_code: replyCode }),
    ...(status !== undefined && { status }),
    ...(response !== undefined && { response }),
    ...(reason !== undefined && { reason }),
    ...(item.nextAttemptAt && { next_attempt_at: item.nextAttemptAt.toISOString() }),
    webhooks: item.deliveries.map(shownDelivery),
  }
}

function shownDelivery({ endpoint, delivery: { status, nextAt, attempts } }: HistoryDelivery) {
  return {
    endpoint_id: endpoint.id,
    endpoint: endpoint.url,
    status,
    next_attempt_at: status === 'pending' ? new Date(nextAt).toISOString() : null,
    attempts: attempts.map(({ number, code, response, at, durationMs, replayed = false }) => ({
      number,
      http_status_code: code,
      response,
      sent_at: new Date(at).toISOString(),
      ...(durationMs !== undefined && { duration_ms: durationMs }),
      replayed,
    })),
  }
}
