import {
  createEndpoint,
  deleteEndpoint,
  type EndpointPorts,
  getEndpoint,
  listEndpoints,
  rotateSecret,
  updateEndpoint,
} from '@kabutar/core/webhooks/endpoints.ts'
import { getHook, getHookEvent, listHooks, replay } from '@kabutar/core/webhooks/history.ts'
import type { QueuePorts } from '@kabutar/core/webhooks/record.ts'
import type { Attempt, Endpoint, Hook } from '@kabutar/core/webhooks/rows.ts'
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
      const { data, hasMore } = page(await listEndpoints(ports.table, accountOf(c)), pageOf(c))
      return c.json(listOf(data.map(listed), hasMore))
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

/** Event ids are `msg_…`, not UUIDs. Lists know `after` only. */
function webhookEvents(ports: WebhookPorts) {
  return new Hono<Env>()
    .get('/', async (c) => {
      const wanted = { limit: limitOf(c.req.query('limit')), after: c.req.query('after') }
      const { hooks, hasMore } = await listHooks(ports.table, accountOf(c), idOf(c), wanted)
      const now = ports.clock.now()
      return c.json(
        listOf(
          hooks.map((hook) => sent(hook, now)),
          hasMore,
        ),
      )
    })
    .get('/:eid', async (c) => {
      const { hook, event } = await getHookEvent(ports.table, accountOf(c), idOf(c), eventIdOf(c))
      const next_attempt_at = hook.status === 'pending' ? new Date(hook.nextAt).toISOString() : null
      const payload: unknown = JSON.parse(event.body)
      return c.json({ object: 'webhook_event', ...sent(hook, ports.clock.now()), next_attempt_at, payload })
    })
    .post('/:eid/replay', async (c) => {
      const id = eventIdOf(c)
      await replay(ports, accountOf(c), idOf(c), id)
      return c.json({ object: 'webhook_event', id })
    })
    .get('/:eid/attempts', async (c) => {
      const { eventId, attempts } = await getHook(ports.table, accountOf(c), idOf(c), eventIdOf(c))
      const made = attempts.map((attempt) => wireAttempt(eventId, attempt)).reverse()
      const after = c.req.query('after')
      const from = after === undefined ? 0 : made.findIndex(({ id }) => id === after) + 1
      const limit = limitOf(c.req.query('limit'))
      return c.json(listOf(made.slice(from, from + limit), made.length > from + limit))
    })
}

const accountOf = (c: Context<Env>) => c.get('key').accountId
const idOf = (c: Context<Env>) => uuidOf(c.req.param('id') ?? '')
const eventIdOf = (c: Context<Env>) => c.req.param('eid') ?? ''

function listed({ id, url, createdAt, enabled, events }: Endpoint) {
  const status = enabled ? 'enabled' : 'disabled'
  return { id, endpoint: url, created_at: createdAt.toISOString(), status, events }
}

/** An attempt that is due is being made, or will be in a moment. */
function sent({ eventId, type, createdAt, status, nextAt }: Hook, now: number) {
  const attempting = status === 'pending' && nextAt <= now
  return { id: eventId, type, created_at: createdAt.toISOString(), status: attempting ? 'attempting' : status }
}

/** `http_status_code` 0: there was no answer, and `response` says why. */
function wireAttempt(eventId: string, { n, code, response, at }: Attempt) {
  const id = eventId.replace(/^msg_/, 'atmpt_')
  return { id: `${id}_${n}`, http_status_code: code, response, sent_at: new Date(at).toISOString() }
}

/** All endpoints of an account are few enough to be read at once, newest first. */
function page(all: readonly Endpoint[], { limit, after, before }: ReturnType<typeof pageOf>) {
  if (before !== undefined) {
    const newer = all.filter(({ id }) => id > before)
    return { data: newer.slice(-limit), hasMore: newer.length > limit }
  }
  const older = after === undefined ? all : all.filter(({ id }) => id < after)
  return { data: older.slice(0, limit), hasMore: older.length > limit }
}
