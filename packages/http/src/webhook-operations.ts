import { EVENT_TYPES } from '@kabutar/core/webhooks/event.ts'
import * as z from 'zod'
import { deleted, id, list, named, type Operation, time } from './operation.ts'
import { CreateWebhookRequest, UpdateWebhookRequest } from './webhooks.ts'

const withSecret = named('webhook').extend({ signing_secret: z.string().startsWith('whsec_') })

const Listed = z.object({
  id,
  endpoint: z.url(),
  created_at: time,
  status: z.enum(['enabled', 'disabled']),
  events: z.array(z.enum(EVENT_TYPES)).nullable(),
})
const ListedEvent = z.object({
  id: z.string().startsWith('msg_'),
  type: z.enum(EVENT_TYPES),
  created_at: time,
  status: z.enum(['success', 'pending', 'failed', 'attempting']),
})
const Event = ListedEvent.extend({
  object: z.literal('webhook_event'),
  next_attempt_at: time.nullable(),
  payload: z.object({ type: z.enum(EVENT_TYPES), created_at: time, data: z.record(z.string(), z.unknown()) }),
})
const Attempt = z.object({ id: z.string(), http_status_code: z.int(), response: z.string(), sent_at: time })

export const WEBHOOK_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/webhooks',
    summary: 'Make a webhook',
    request: CreateWebhookRequest,
    status: 201,
    answer: withSecret,
  },
  {
    method: 'get',
    path: '/webhooks',
    summary: 'List webhooks, newest first',
    status: 200,
    answer: list(Listed),
    paged: true,
  },
  {
    method: 'get',
    path: '/webhooks/:id',
    summary: 'Read a webhook',
    status: 200,
    answer: Listed.extend(withSecret.shape),
  },
  {
    method: 'patch',
    path: '/webhooks/:id',
    summary: 'Change a webhook',
    request: UpdateWebhookRequest,
    status: 200,
    answer: named('webhook'),
  },
  {
    method: 'delete',
    path: '/webhooks/:id',
    summary: 'Delete a webhook',
    status: 200,
    answer: deleted('webhook'),
  },
  {
    method: 'post',
    path: '/webhooks/:id/signing-secret/rotate',
    summary: 'Make a new signing secret; for a day, the old one signs too',
    status: 200,
    answer: withSecret,
  },
  {
    method: 'get',
    path: '/webhooks/:id/events',
    summary: 'List what was sent to a webhook, newest first',
    status: 200,
    answer: list(ListedEvent),
    paged: true,
  },
  {
    method: 'get',
    path: '/webhooks/:id/events/:eid',
    summary: 'Read an event that was sent to a webhook',
    status: 200,
    answer: Event,
  },
  {
    method: 'post',
    path: '/webhooks/:id/events/:eid/replay',
    summary: 'Send an event again',
    status: 200,
    answer: z.object({ object: z.literal('webhook_event'), id: z.string() }),
  },
  {
    method: 'get',
    path: '/webhooks/:id/events/:eid/attempts',
    summary: 'List the attempts to deliver an event, newest first',
    status: 200,
    answer: list(Attempt),
    paged: true,
  },
]
