/** Every operation of the API with the schemas of its request and answer: what the OpenAPI description is made of. */
import * as z from 'zod'
import { CreateAccountRequest } from './accounts.ts'
import { CreateKeyRequest, RenameKeyRequest } from './api-keys.ts'
import { DOMAIN_OPERATIONS } from './domain-operations.ts'
import type { Operation } from './operation.ts'
import { RECEIVING_OPERATIONS } from './receiving-operations.ts'
import { SendRequest } from './send-request.ts'
import { SUPPRESSION_OPERATIONS } from './suppression-operations.ts'
import { UploadRequest } from './uploads.ts'
import { WEBHOOK_OPERATIONS } from './webhook-operations.ts'

const id = z.uuid()
const time = z.iso.datetime()
const list = (data: z.ZodType) => z.object({ object: z.literal('list'), has_more: z.boolean(), data: z.array(data) })
const named = (object: string) => z.object({ object: z.literal(object), id })
const deleted = (object: string) => named(object).extend({ deleted: z.literal(true) })
const addresses = z.array(z.string()).nullable()

const ListedEmail = z.object({
  id,
  message_id: z.string(),
  from: z.string(),
  to: z.array(z.string()),
  cc: addresses,
  bcc: addresses,
  reply_to: addresses,
  subject: z.string(),
  created_at: time,
  scheduled_at: time.nullable(),
  last_event: z.string(),
})
const BodyLink = z.object({ download_url: z.url().describe('Needs no API key.'), expires_at: time }).optional()
const Email = ListedEmail.extend({
  object: z.literal('email'),
  html: z.string().nullable(),
  text: z.string().nullable(),
  html_link: BodyLink.describe('In place of an `html` with which the answer would be over 4.5 MB.'),
  text_link: BodyLink.describe('Likewise.'),
  tags: z.array(z.object({ name: z.string(), value: z.string() })),
  recipients: z.array(z.object({ address: z.string(), last_event: z.string() })),
  next_attempt_at: time.optional(),
  ambiguous_attempts: z.number().int().optional(),
  waiting_reason: z
    .enum(['throttled', 'quota', 'relay_paused', 'account_paused'])
    .optional()
    .describe('Why no mail goes out at the moment.'),
  waiting_until: time.nullable().optional().describe('Null where people must end the wait.'),
})
const ListedKey = z.object({ id, name: z.string(), created_at: time, last_used_at: time.nullable() })

export const OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/health',
    summary: 'Is the service up?',
    status: 200,
    answer: z.object({ status: z.literal('ok') }),
    key: false,
  },
  {
    method: 'post',
    path: '/accounts',
    summary: 'Make an account (operator)',
    request: CreateAccountRequest,
    status: 201,
    answer: z.object({ object: z.literal('account'), id, name: z.string(), token: z.string() }),
  },
  {
    method: 'post',
    path: '/accounts/:id/resume',
    summary: 'Let an account send again that paused itself (operator)',
    status: 200,
    answer: z.object({ object: z.literal('account'), id: z.string() }),
  },
  {
    method: 'post',
    path: '/emails',
    summary: 'Send an email',
    request: SendRequest,
    status: 200,
    answer: z.object({ id }),
    headers: ['Idempotency-Key'],
  },
  {
    method: 'get',
    path: '/emails',
    summary: 'List sent emails, newest first',
    status: 200,
    answer: list(ListedEmail),
    paged: true,
  },
  { method: 'get', path: '/emails/:id', summary: 'Read a sent email', status: 200, answer: Email },
  {
    method: 'delete',
    path: '/emails/:id',
    summary: 'Remove the content of a sent email',
    status: 200,
    answer: deleted('email'),
  },
  {
    method: 'post',
    path: '/uploads',
    summary: 'Get a link to put a large attachment to, for the `upload_id` of emails within 24 hours',
    request: UploadRequest,
    status: 201,
    answer: named('upload').extend({
      method: z.literal('PUT'),
      url: z.url().describe('Needs no API key.'),
      headers: z.record(z.string(), z.string()).describe('To be sent with the file.'),
      expires_at: time,
    }),
  },
  {
    method: 'put',
    path: '/uploads/:account/:blob',
    summary: 'Put a file to the link of an upload',
    status: 200,
    answer: named('upload'),
    key: false,
    file: true,
  },
  {
    method: 'post',
    path: '/api-keys',
    summary: 'Make an API key',
    request: CreateKeyRequest,
    status: 201,
    answer: z.object({ id, token: z.string() }),
  },
  { method: 'get', path: '/api-keys', summary: 'List API keys', status: 200, answer: list(ListedKey) },
  {
    method: 'patch',
    path: '/api-keys/:id',
    summary: 'Rename an API key',
    request: RenameKeyRequest,
    status: 200,
    answer: named('api_key'),
  },
  { method: 'delete', path: '/api-keys/:id', summary: 'Delete an API key', status: 200, answer: deleted('api_key') },
  ...DOMAIN_OPERATIONS,
  ...RECEIVING_OPERATIONS,
  ...SUPPRESSION_OPERATIONS,
  ...WEBHOOK_OPERATIONS,
]
