import { RECIPIENT_STATUSES } from '@kabutar/core/messages/message.ts'
import * as z from 'zod'
import { addresses, DeletedEmail, expiry, id, link, list, named, type Operation, time } from './operation.ts'
import { SendRequest } from './send-request.ts'
import { UploadRequest } from './uploads.ts'

const LastEvent = z.enum(RECIPIENT_STATUSES)
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
  last_event: LastEvent,
  ...expiry,
})
const Email = ListedEmail.extend({
  object: z.literal('email'),
  html: z.string().nullable(),
  text: z.string().nullable(),
  html_link: z.object(link).optional().describe('Replaces an `html` with which the answer would exceed 4.5 MB.'),
  text_link: z.object(link).optional().describe('Replaces a `text` with which the answer would exceed 4.5 MB.'),
  tags: z.array(z.object({ name: z.string(), value: z.string() })),
  captured: z.boolean().describe('The relay kept the message: it has left nowhere.'),
  recipients: z.array(
    z.object({
      address: z.string(),
      last_event: LastEvent,
      diagnostic: z.string().optional().describe('Why: what the relay or the other server said last.'),
    }),
  ),
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
    operationId: 'sendEmail',
    tag: 'Emails',
    summary: 'Send an email',
    request: SendRequest,
    status: 200,
    answer: z.object({ id }).meta({ id: 'SentEmail' }),
    headers: { 'Idempotency-Key': z.string().min(1).max(256).describe('The same key and body answer the first id.') },
    errors: [
      'invalid_idempotency_key',
      'invalid_idempotent_request',
      'concurrent_idempotent_requests',
      'invalid_attachment',
      'invalid_from_address',
      'missing_required_field',
      'validation_error',
      'suspended_api_key',
      'email_above_quota',
    ],
  },
  {
    method: 'get',
    path: '/emails',
    operationId: 'listEmails',
    tag: 'Emails',
    summary: 'List sent emails, newest first',
    status: 200,
    answer: list(ListedEmail.meta({ id: 'EmailSummary' }), 'EmailList'),
    paged: 'both',
  },
  {
    method: 'get',
    path: '/emails/:id',
    operationId: 'getEmail',
    tag: 'Emails',
    summary: 'Read a sent email',
    status: 200,
    answer: Email.meta({ id: 'Email' }),
  },
  {
    method: 'delete',
    path: '/emails/:id',
    operationId: 'deleteEmail',
    tag: 'Emails',
    summary: 'Remove the content of a sent email',
    status: 200,
    answer: DeletedEmail,
  },
  {
    method: 'post',
    path: '/uploads',
    operationId: 'createUpload',
    tag: 'Emails',
    summary: 'Get a link to put a large attachment to, for the `upload_id` of emails within 24 hours',
    request: UploadRequest,
    errors: ['email_above_quota'],
    status: 201,
    answer: named('upload')
      .extend({
        method: z.literal('PUT'),
        url: z.url().describe('Needs no API key.'),
        headers: z.record(z.string(), z.string()).describe('To be sent with the file.'),
        expires_at: time,
      })
      .meta({ id: 'Upload' }),
  },
  {
    method: 'put',
    path: '/uploads/:account/:blob',
    operationId: 'putUpload',
    tag: 'Emails',
    summary: 'Put a file to the link of an upload',
    status: 200,
    answer: named('upload').meta({ id: 'FinishedUpload' }),
    params: { account: z.string(), blob: z.string() },
    opens: 'signed link',
    file: true,
  },
]
