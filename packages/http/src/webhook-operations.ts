import { EVENT_TYPES } from '@kabutar/core/webhooks/event.ts'
import { WIRE_EVENT_TYPES } from '@kabutar/core/webhooks/event-types.ts'
import * as z from 'zod'
import { deleted, eventId, id, list, named, type Operation, time } from './operation.ts'
import { CreateWebhookRequest, TestWebhookRequest, UpdateWebhookRequest } from './webhooks.ts'

const withSecret = named('webhook').extend({ signing_secret: z.string().regex(/^whsec_/) })
const CreatedWebhook = withSecret.meta({ id: 'WebhookSecret' })

const Listed = z.object({
  id,
  endpoint: z.url(),
  created_at: time,
  status: z.enum(['enabled', 'disabled']),
  events: z.array(z.enum(WIRE_EVENT_TYPES)).nullable(),
})
const State = z.object({
  failing_since: time.nullable().describe('When the first delivery since the last success was given up.'),
  paused_until: time.nullable().describe('Nothing is sent before: the endpoint kept its last requests waiting.'),
  previous_secret_until: time.nullable().describe('Until when the secret before the last rotation signs too.'),
})
const ListedEvent = z.object({
  id: eventId,
  type: z.enum(EVENT_TYPES),
  created_at: time,
  status: z.enum(['success', 'pending', 'failed', 'attempting']),
})
const Event = ListedEvent.extend({
  object: z.literal('webhook_event'),
  next_attempt_at: time.nullable(),
  payload: z.object({ type: z.enum(EVENT_TYPES), created_at: time, data: z.record(z.string(), z.unknown()) }),
})
const Attempt = z.object({
  id: z.string(),
  http_status_code: z.int(),
  response: z.string(),
  sent_at: time,
  duration_ms: z.int().optional(),
  replayed: z.boolean().describe('Made after somebody had asked for the event again.'),
})

export const WEBHOOK_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/webhooks',
    operationId: 'createWebhook',
    tag: 'Webhooks',
    summary: 'Make a webhook',
    request: CreateWebhookRequest,
    status: 201,
    answer: CreatedWebhook,
  },
  {
    method: 'get',
    path: '/webhooks',
    operationId: 'listWebhooks',
    tag: 'Webhooks',
    summary: 'List webhooks, newest first',
    status: 200,
    answer: list(Listed.meta({ id: 'WebhookSummary' }), 'WebhookList'),
    paged: 'both',
  },
  {
    method: 'get',
    path: '/webhooks/:id',
    operationId: 'getWebhook',
    tag: 'Webhooks',
    summary: 'Read a webhook',
    status: 200,
    answer: Listed.extend({ ...withSecret.shape, ...State.shape }).meta({ id: 'Webhook' }),
  },
  {
    method: 'patch',
    path: '/webhooks/:id',
    operationId: 'updateWebhook',
    tag: 'Webhooks',
    summary: 'Change a webhook',
    request: UpdateWebhookRequest,
    status: 200,
    answer: named('webhook').meta({ id: 'WebhookId' }),
  },
  {
    method: 'delete',
    path: '/webhooks/:id',
    operationId: 'deleteWebhook',
    tag: 'Webhooks',
    summary: 'Delete a webhook',
    status: 200,
    answer: deleted('webhook').meta({ id: 'DeletedWebhook' }),
  },
  {
    method: 'post',
    path: '/webhooks/:id/signing-secret/rotate',
    operationId: 'rotateSigningSecret',
    tag: 'Webhooks',
    summary: 'Make a new signing secret; for a day, the old one signs too',
    status: 200,
    answer: CreatedWebhook,
  },
  {
    method: 'get',
    path: '/webhooks/:id/events',
    operationId: 'listWebhookEvents',
    tag: 'Webhooks',
    summary: 'List what was sent to a webhook, newest first',
    status: 200,
    answer: list(ListedEvent.meta({ id: 'WebhookEventSummary' }), 'WebhookEventList'),
    paged: 'after',
  },
  {
    method: 'get',
    path: '/webhooks/:id/events/:eid',
    operationId: 'getWebhookEvent',
    tag: 'Webhooks',
    params: { eid: eventId },
    summary: 'Read an event that was sent to a webhook',
    status: 200,
    answer: Event.meta({ id: 'WebhookEvent' }),
  },
  {
    method: 'post',
    path: '/webhooks/:id/test',
    operationId: 'testWebhook',
    tag: 'Webhooks',
    summary: 'Send an event about an invented message; its data has `test: true`',
    request: TestWebhookRequest,
    status: 200,
    answer: z.object({ object: z.literal('webhook_event'), id: eventId, type: z.string() }).meta({ id: 'TestEvent' }),
    errors: ['resource_locked'],
  },
  {
    method: 'post',
    path: '/webhooks/:id/events/:eid/replay',
    operationId: 'replayWebhookEvent',
    tag: 'Webhooks',
    params: { eid: eventId },
    summary: 'Send an event again',
    status: 200,
    answer: z.object({ object: z.literal('webhook_event'), id: eventId }).meta({ id: 'WebhookEventId' }),
  },
  {
    method: 'get',
    path: '/webhooks/:id/events/:eid/attempts',
    operationId: 'listWebhookEventAttempts',
    tag: 'Webhooks',
    params: { eid: eventId },
    summary: 'List the attempts to deliver an event, newest first',
    status: 200,
    answer: list(Attempt.meta({ id: 'WebhookAttempt' }), 'WebhookAttemptList'),
    paged: 'after',
  },
]
