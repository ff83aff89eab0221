import { pageOfList } from '@kabutar/core/store/pages.ts'
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
import type { QueuePorts } from '@kabutar/core/webhooks/record-attempt.ts'
import { type Context, Hono } from 'hono'
import * as z from 'zod/mini'
import { jsonBody } from './body.ts'
import type { Env } from './env.ts'
import { limitOf, listOf, pageOf, uuidOf } from './page.ts'

export type WebhookPorts = EndpointPorts & QueuePorts

const endpoint = z.string().check(z.minLength(1), z.maxLength(2048))
const events = z.array(z.string().check(z.maxLength(64))).check(z.minLength(1), z.maxLength(100))
export const CreateWebhookRequest = z.strictObject({ endpoint, events })
export const UpdateWebhookRequest = z.strictObject({
  endpoint: z.optional(endpoint),
  events: z.optional(events),
  status: z.optional(z.enum(['enabled', 'disabled'])),
})

/** /webhooks, their signing secrets, and what was sent to them. POST /webhooks answers 201. */
export function webhooks(ports: WebhookPorts) {
  return new Hono<Env>()
    .post('/', async (c) => {
      const { endpoint, events } = await jsonBody(c, CreateWebhookRequest)
      const { id, secret } = await createEndpoint(ports, accountOf(c), { url: endpoint, events })
      return c.json({ object: 'webhook', id, signing_secret: secret }, 201)
    })
    .get('/', async (c) => {
      const { items, hasMore } = await listEndpointPage(ports.table, accountOf(c), pageOf(c))
      return c.json(listOf(items.map(listed), hasMore))
    })
    .get('/:id', async (c) => {
      const found = await getEndpoint(ports.table, accountOf(c), idOf(c))
      return c.json({ object: 'webhook', ...listed(found), signing_secret: found.secret })
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
      await deleteEndpoint(ports.table, accountOf(c), id)
      return c.json({ object: 'webhook', id, deleted: true })
    })
    .post('/:id/signing-secret/rotate', async (c) => {
      const { id, secret } = await rotateSecret(ports, accountOf(c), idOf(c))
      return c.json({ object: 'webhook', id, signing_secret: secret })
    })
    .route('/:id/events', webhookEvents(ports))
}

/** The deliveries to an endpoint, by event id. */
function webhookEvents(ports: WebhookPorts) {
  return new Hono<Env>()
    .get('/', async (c) => {
      const { items, hasMore } = await listDeliveries(ports.table, accountOf(c), idOf(c), afterOf(c))
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

const accountOf = (c: Context<Env>) => c.get('key').accountId
const idOf = (c: Context<Env>) => uuidOf(c.req.param('id') ?? '')
/** These lists page by ids that are no UUIDs, and only forward. */
function afterOf(c: Context<Env>) {
  const after = c.req.query('after')
  return { limit: limitOf(c.req.query('limit')), ...(after !== undefined && { after }) }
}
const eventIdOf = (c: Context<Env>) => c.req.param('eid') ?? ''

function listed({ id, url, createdAt, enabled, events }: Endpoint) {
  const status = enabled ? 'enabled' : 'disabled'
  return { id, endpoint: url, created_at: createdAt.toISOString(), status, events }
}

/** An attempt that is due is being made, or will be in a moment. */
function sent({ eventId, type, createdAt, status, nextAt }: WebhookDelivery, now: number) {
  const attempting = status === 'pending' && nextAt <= now
  return { id: eventId, type, created_at: createdAt.toISOString(), status: attempting ? 'attempting' : status }
}

/** `http_status_code` 0: there was no answer, and `response` says why. */
function wireAttempt(eventId: string, { number, code, response, at }: Attempt) {
  const id = eventId.replace(/^msg_/, 'atmpt_')
  return { id: `${id}_${number}`, http_status_code: code, response, sent_at: new Date(at).toISOString() }
}
