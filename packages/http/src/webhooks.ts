import { loggedPage, pageOfList } from '@kabutar/core/store/pages.ts'
import { getDelivery, getDeliveryAndPayload, listDeliveries, replay } from '@kabutar/core/webhooks/deliveries.ts'
import type { Attempt, WebhookDelivery } from '@kabutar/core/webhooks/delivery.ts'
import {
  createEndpoint,
  deleteEndpoint,
  type Endpoint,
  type EndpointPorts,
  getEndpoint,
  listEndpointPage,
  rotateSecret,
  updateEndpoint,
} from '@kabutar/core/webhooks/endpoints.ts'
import { EVENT_TYPES } from '@kabutar/core/webhooks/event.ts'
import { WIRE_EVENT_TYPES } from '@kabutar/core/webhooks/event-types.ts'
import type { NotifyPorts } from '@kabutar/core/webhooks/notify.ts'
import type { QueuePorts } from '@kabutar/core/webhooks/record-attempt.ts'
import { sendTestEvent } from '@kabutar/core/webhooks/test-event.ts'
import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { jsonBody } from './body.ts'
import { accountOf, type Env, idOf } from './env.ts'
import { limitOf, listOf, pageOf } from './page.ts'

export type WebhookPorts = EndpointPorts & QueuePorts & NotifyPorts

const endpoint = z.string().min(1).max(2048).meta({ format: 'uri' })
const events = z
  .array(
    z
      .string()
      .max(64)
      .meta({ enum: [...WIRE_EVENT_TYPES] }),
  )
  .min(1)
  .max(100)
export const CreateWebhookRequest = z.object({ endpoint, events }).meta({ id: 'CreateWebhook' })
export const UpdateWebhookRequest = z
  .object({
    endpoint: endpoint.optional(),
    events: events.optional(),
    status: z.enum(['enabled', 'disabled']).optional(),
  })
  .meta({ id: 'UpdateWebhook' })

export const TestWebhookRequest = z.object({ type: z.enum(EVENT_TYPES).optional() }).meta({ id: 'TestWebhook' })

/** Webhooks, their signing secrets, and the events that were sent to them. */
export function webhooks(ports: WebhookPorts) {
  return new Hono<Env>()
    .post('/', async (c) => {
      const { endpoint, events } = await jsonBody(c, CreateWebhookRequest)
      const { id, secret } = await createEndpoint(ports, accountOf(c), { url: endpoint, events })
      return c.json({ object: 'webhook', id, signing_secret: secret }, 201)
    })
    .get('/', async (c) => {
      const { items, hasMore } = loggedPage(ports, await listEndpointPage(ports.table, accountOf(c), pageOf(c)))
      return c.json(listOf(items.map(listed), hasMore))
    })
    .get('/:id', async (c) => {
      const found = await getEndpoint(ports.table, accountOf(c), idOf(c))
      const state = stateOf(found, ports.clock.now())
      return c.json({ object: 'webhook', ...listed(found), signing_secret: found.secret, ...state })
    })
    .patch('/:id', async (c) => {
      const id = idOf(c)
      const { endpoint, events, status } = await jsonBody(c, UpdateWebhookRequest)
      await updateEndpoint(ports, accountOf(c), id, {
        ...(endpoint !== undefined && { url: endpoint }),
        ...(events !== undefined && { events }),
        ...(status !== undefined && { enabled: status === 'enabled' }),
      })
      return c.json({ object: 'webhook', id })
    })
    .delete('/:id', async (c) => {
      const id = idOf(c)
      await deleteEndpoint(ports, accountOf(c), id)
      return c.json({ object: 'webhook', id, deleted: true })
    })
    .post('/:id/signing-secret/rotate', async (c) => {
      const { id, secret } = await rotateSecret(ports, accountOf(c), idOf(c))
      return c.json({ object: 'webhook', id, signing_secret: secret })
    })
    .post('/:id/test', async (c) => {
      const { type } = await jsonBody(c, TestWebhookRequest)
      return c.json({ object: 'webhook_event', ...(await sendTestEvent(ports, accountOf(c), idOf(c), type)) })
    })
    .route('/:id/events', webhookEvents(ports))
}

/** /webhooks/:id/events. Event ids are `msg_…`, not UUIDs, and lists have `after` but not `before`. */
function webhookEvents(ports: WebhookPorts) {
  return new Hono<Env>()
    .get('/', async (c) => {
      const { items, hasMore } = loggedPage(ports, await listDeliveries(ports.table, accountOf(c), idOf(c), afterOf(c)))
      const now = ports.clock.now()
      const data = items.map((delivery) => sent(delivery, now))
      return c.json(listOf(data, hasMore))
    })
    .get('/:eid', async (c) => {
      const found = await getDeliveryAndPayload(ports.table, accountOf(c), idOf(c), eventIdOf(c))
      const { status, nextAt } = found.delivery
      const next_attempt_at = status === 'pending' ? new Date(nextAt).toISOString() : null
      const payload: unknown = JSON.parse(found.payload.body)
      return c.json({ object: 'webhook_event', ...sent(found.delivery, ports.clock.now()), next_attempt_at, payload })
    })
    .post('/:eid/replay', async (c) => {
      const id = eventIdOf(c)
      await replay(ports, accountOf(c), idOf(c), id)
      return c.json({ object: 'webhook_event', id })
    })
    .get('/:eid/attempts', async (c) => {
      const { eventId, attempts } = await getDelivery(ports.table, accountOf(c), idOf(c), eventIdOf(c))
      const made = attempts.map((attempt) => wireAttempt(eventId, attempt)).reverse()
      const { items, hasMore } = pageOfList(made, afterOf(c))
      return c.json(listOf(items, hasMore))
    })
}

/** Reads the page of a list whose ids are not UUIDs; such lists have `after` but not `before`. */
function afterOf(c: Context<Env>) {
  const after = c.req.query('after')
  return { limit: limitOf(c.req.query('limit')), ...(after !== undefined && { after }) }
}
const eventIdOf = (c: Context<Env>) => c.req.param('eid') ?? ''

function listed({ id, url, createdAt, enabled, events }: Endpoint) {
  const status = enabled ? 'enabled' : 'disabled'
  return { id, endpoint: url, created_at: createdAt.toISOString(), status, events }
}

/** Answers what an operator asks when nothing arrives. These fields are ours. */
function stateOf({ failingSince, pausedUntil, previous }: Endpoint, now: number) {
  const secretUntil = previous[0]?.until ?? 0
  return {
    failing_since: failingSince > 0 ? new Date(failingSince).toISOString() : null,
    paused_until: pausedUntil > now ? new Date(pausedUntil).toISOString() : null,
    previous_secret_until: secretUntil > now ? new Date(secretUntil).toISOString() : null,
  }
}

/** A pending delivery whose attempt is due is shown as being attempted. */
function sent({ eventId, type, createdAt, status, nextAt }: WebhookDelivery, now: number) {
  const attempting = status === 'pending' && nextAt <= now
  return { id: eventId, type, created_at: createdAt.toISOString(), status: attempting ? 'attempting' : status }
}

/** If there was no answer, `http_status_code` is 0 and `response` says why. */
function wireAttempt(eventId: string, { number, code, response, at, durationMs, replayed = false }: Attempt) {
  const id = eventId.replace(/^msg_/, 'atmpt_')
  return {
    id: `${id}_${number}`,
    http_status_code: code,
    response,
    sent_at: new Date(at).toISOString(),
    ...(durationMs !== undefined && { duration_ms: durationMs }),
    replayed,
  }
}
