import { CHECKS, VERDICTS } from '@kabutar/core/messages/message.ts'
import * as z from 'zod'
import type { Operation } from './operation.ts'
import { InjectRequest } from './receiving.ts'

const id = z.uuid()
const time = z.iso.datetime()
const list = (data: z.ZodType) => z.object({ object: z.literal('list'), has_more: z.boolean(), data: z.array(data) })
const addresses = z.array(z.string()).nullable()

const InboundAttachment = z.object({
  id,
  filename: z.string().nullable(),
  size: z.int(),
  content_type: z.string(),
  content_id: z.string().nullable(),
  content_disposition: z.string().nullable(),
})
const Listed = z.object({
  id,
  to: z.array(z.string()),
  from: z.string(),
  created_at: time,
  subject: z.string(),
  bcc: addresses,
  cc: addresses,
  reply_to: addresses,
  received_for: z.array(z.string()).describe('The recipients of the envelope.'),
  message_id: z.string().describe('Empty if the message has none.'),
  attachments: z.array(InboundAttachment),
})
const Link = { download_url: z.url().describe('Needs no API key.'), expires_at: time }
const LEFT_OUT = 'Null too where the answer would be over 4.5 MB:'
const Email = Listed.extend({
  object: z.literal('email'),
  html: z
    .string()
    .nullable()
    .describe(
      `${LEFT_OUT} then it is behind \`html_link\`. With \`data_uri\`, images that do not fit stay \`cid:\` addresses.`,
    ),
  text: z.string().nullable().describe(`${LEFT_OUT} then it is behind \`text_link\`.`),
  html_link: z.object(Link).optional(),
  text_link: z.object(Link).optional(),
  headers: z
    .record(z.string(), z.string())
    .nullable()
    .describe(
      `By lower-case name; values of a repeated field are separated by line feeds. ${LEFT_OUT} then they are in \`raw\`.`,
    ),
  reconstructed: z
    .literal(true)
    .optional()
    .describe('The envelope got lost: `received_for` is made of header fields, and Bcc recipients are missing.'),
  verdicts: z
    .partialRecord(z.enum(CHECKS), z.enum(VERDICTS))
    .optional()
    .describe('Of who received it, such as SES; absent where nobody judged it.'),
  raw: z.object(Link),
  html_format: z.enum(['data_uri', 'cid']),
})
const Attachment = z.object({
  id,
  filename: z.string().optional(),
  size: z.int(),
  content_type: z.string(),
  content_disposition: z.enum(['inline', 'attachment']),
  content_id: z.string().optional(),
  ...Link,
})

/** What OPERATIONS says of /emails/receiving and of downloads. */
export const RECEIVING_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/emails/receiving',
    summary: 'List received emails, newest first; long lists of addresses and attachments are cut',
    status: 200,
    answer: list(Listed),
    paged: true,
  },
  {
    method: 'get',
    path: '/emails/receiving/:id',
    summary: 'Read a received email',
    status: 200,
    answer: Email,
    query: { html_format: z.enum(['data_uri', 'cid']).default('data_uri') },
  },
  {
    method: 'get',
    path: '/emails/receiving/:id/attachments',
    summary: 'List the attachments of a received email, in their order; without `limit` all of them',
    status: 200,
    answer: list(Attachment),
    paged: true,
  },
  {
    method: 'get',
    path: '/emails/receiving/:id/attachments/:aid',
    summary: 'Read an attachment of a received email',
    status: 200,
    answer: Attachment.extend({ object: z.literal('attachment') }),
  },
  {
    method: 'delete',
    path: '/emails/receiving/:id',
    summary: 'Delete a received email, in every mailbox',
    status: 200,
    answer: z.object({ object: z.literal('email'), id, deleted: z.literal(true) }),
  },
  {
    method: 'post',
    path: '/emails/receiving/inject',
    summary: 'Receive an email as if by SMTP (development); or send message/rfc822 with `to` and `from` in the query',
    request: InjectRequest,
    status: 201,
    answer: z.object({ object: z.literal('email'), id }),
  },
  {
    method: 'get',
    path: '/downloads/:account/:blob',
    summary: 'Download a file by a signed link',
    status: 200,
    answer: z.file(),
    key: false,
    binary: true,
  },
  {
    method: 'get',
    path: '/downloads/parts/:account/:blob/:name',
    summary: 'Download a body that was too large for an answer, by a signed link',
    status: 200,
    answer: z.file(),
    key: false,
    binary: true,
  },
]
