import { EVENT_TYPES } from '@kabutar/core/webhooks/event.ts'
import * as z from 'zod'
import { ViewRequest } from './message-view.ts'
import { eventId, id, link, list, named, type Operation, time } from './operation.ts'
import { Attachment, AttachmentList } from './receiving-operations.ts'

const Structure = z
  .object({
    part: z.string().describe('The section number; empty for a multipart that is the message.'),
    content_type: z.string(),
    charset: z.string().nullable(),
    encoding: z.string(),
    disposition: z.string().nullable(),
    filename: z.string().nullable(),
    content_id: z.string().nullable(),
    size: z.int().describe('Octets of the body as it was sent.'),
    get parts(): z.ZodArray<z.ZodType> {
      return z.array(Structure)
    },
  })
  .meta({ id: 'MimeStructure' })
const Content = z
  .object({
    object: z.literal('content'),
    id,
    headers: z.array(z.object({ name: z.string(), value: z.string() })).describe('In their order, decoded.'),
    text: z.string().nullable().describe('Null, too, above 1 MB.'),
    html: z.boolean().describe('There is HTML, which a view shows.'),
    truncated: z.array(z.string()),
    undecoded: z.array(z.string()),
    structure: Structure.nullable().describe('At most 300 parts; null for a message that could not be read.'),
    attachments: z.array(
      z.object({
        id,
        filename: z.string().nullable(),
        content_type: z.string(),
        content_disposition: z.string(),
        content_id: z.string().nullable(),
        size: z.int(),
      }),
    ),
  })
  .meta({ id: 'MessageContent' })
const Source = z
  .object({
    object: z.literal('source'),
    id,
    source: z.string().describe('The first 256 KB, one character for each octet.'),
    size: z.int(),
    truncated: z.boolean(),
    ...link,
  })
  .meta({ id: 'MessageSource' })
const Delivery = z.object({
  endpoint_id: id,
  endpoint: z.string(),
  status: z.enum(['success', 'pending', 'failed']),
  next_attempt_at: time.nullable(),
  attempts: z.array(
    z.object({
      number: z.int(),
      http_status_code: z.int().describe('0 if there was no answer; then `response` says why.'),
      response: z.string(),
      sent_at: time,
      duration_ms: z.int().optional(),
      replayed: z.boolean().describe('Made after somebody had asked for the event again.'),
    }),
  ),
})
const Happened = z
  .object({
    id: eventId.nullable().describe('The id of the event, for a replay at one of its webhooks.'),
    type: z.enum(['accepted', 'waiting', ...EVENT_TYPES]).describe('`waiting`: what pending recipients wait for now.'),
    created_at: time,
    recipients: z.array(z.string()).describe('Of whom it speaks.'),
    attempt: z.int().optional(),
    host: z.string().optional().describe('The next hop that was asked.'),
    reply_code: z.int().optional(),
    status: z.string().optional().describe('The enhanced status code of RFC 3463.'),
    response: z.string().optional().describe("The next hop's own words."),
    reason: z.string().optional().describe('Why no mail goes out at the moment.'),
    next_attempt_at: time.optional(),
    webhooks: z.array(Delivery),
  })
  .meta({ id: 'MessageEvent' })
const Events = list(Happened, 'MessageEventList')

const View = z
  .object({
    object: z.literal('view'),
    path: z.string().describe('Relative to the base URL of the API; valid for ten minutes.'),
    images: z.boolean(),
    remote_images: z.int().describe('Addresses of remote images in the HTML, at most 1,000.'),
    truncated: z.boolean().describe('Of the HTML the first Mi characters are shown.'),
    expires_at: time,
  })
  .meta({ id: 'MessageView' })

const READS = [
  ['sent', '/emails/:id', 'Emails', 'Email'],
  ['received', '/emails/receiving/:id', 'Receiving', 'ReceivedEmail'],
] as const

/** Operations on one message for people who look at it. */
export const MESSAGE_OPERATIONS: readonly Operation[] = [
  ...READS.flatMap(([kind, path, tag, name]): readonly Operation[] => [
    {
      method: 'get',
      path: `${path}/events`,
      operationId: `list${name}Events`,
      tag,
      summary: `List what happened to a ${kind} email, oldest first, with the webhooks that told of it`,
      status: 200,
      answer: Events,
    },
    {
      method: 'get',
      path: `${path}/content`,
      operationId: `get${name}Content`,
      tag,
      summary: `Read the header fields, text, parts and attachments of a ${kind} email`,
      status: 200,
      answer: Content,
    },
    {
      method: 'get',
      path: `${path}/source`,
      operationId: `get${name}Source`,
      tag,
      summary: `Read the beginning of a ${kind} email as it stands, with a link to all of it`,
      status: 200,
      answer: Source,
    },
  ]),
  ...READS.map(
    ([kind, path, tag, name]): Operation => ({
      method: 'post',
      path: `${path}/view`,
      operationId: `view${name}`,
      tag,
      summary: `Get a signed path to the document of a ${kind} email, for a frame; with or without remote images`,
      request: ViewRequest,
      status: 200,
      answer: View,
    }),
  ),
  {
    method: 'get',
    path: '/view/:account/:direction/:id',
    operationId: 'getView',
    tag: 'Console',
    summary: 'Show an email as a document that runs no script and asks for nothing, by a signed path',
    status: 200,
    answer: z.string(),
    text: 'text/html',
    params: { account: z.string(), direction: z.enum(['sent', 'received']) },
    query: { images: z.enum(['0', '1']), expires: z.string(), signature: z.string() },
    opens: 'signed link',
  },
  {
    method: 'get',
    path: '/emails/:id/attachments',
    operationId: 'listSentAttachments',
    tag: 'Emails',
    summary: 'List the attachments of a sent email',
    status: 200,
    answer: AttachmentList,
    paged: 'both',
  },
  {
    method: 'get',
    path: '/emails/:id/attachments/:aid',
    operationId: 'getSentAttachment',
    tag: 'Emails',
    summary: 'Read an attachment of a sent email',
    status: 200,
    answer: Attachment,
  },
  {
    method: 'post',
    path: '/emails/:id/send-again',
    operationId: 'sendEmailAgain',
    tag: 'Emails',
    summary: 'Send the content of a sent email again, as a new one to the same recipients',
    status: 200,
    answer: named('email').meta({ id: 'EmailSentAgain' }),
    headers: { 'Idempotency-Key': z.string().min(1).max(256).describe('The same key answers the first id.') },
    errors: ['suspended_api_key', 'validation_error', 'invalid_idempotency_key', 'invalid_idempotent_request'],
  },
]
