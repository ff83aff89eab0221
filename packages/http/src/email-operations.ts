import * as z from 'zod'
import { addresses, deleted, id, link, list, named, type Operation, time } from './operation.ts'
import { SendRequest } from './send-request.ts'
import { UploadRequest } from './uploads.ts'

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
const Email = ListedEmail.extend({
  object: z.literal('email'),
  html: z.string().nullable(),
  text: z.string().nullable(),
  html_link: z.object(link).optional().describe('Replaces an `html` with which the answer would exceed 4.5 MB.'),
  text_link: z.object(link).optional().describe('Replaces a `text` with which the answer would exceed 4.5 MB.'),
  tags: z.array(z.object({ name: z.string(), value: z.string() })),
  recipients: z.array(z.object({ address: z.string(), last_event: z.string() })),
  next_attempt_at: time.optional(),
  ambiguous_attempts: z.number().int().optional(),
  waiting_reason: z
    .enum(['throttled', 'quota', 'relay_paused', 'account_paused'])
    .optional()
    .describe('Why no mail goes out at the moment.'),
  waiting_until: time.nullable().optional().describe('Null if only people can end the wait.'),
})

/** Operations on sent emails and on uploads, which emails attach. */
export const EMAIL_OPERATIONS: readonly Operation[] = [
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
]
