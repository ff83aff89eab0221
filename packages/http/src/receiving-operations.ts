import { CHECKS, VERDICTS } from '@kabutar/core/messages/message.ts'
import * as z from 'zod'
import { address, DeletedEmail, expiry, id, link, list, named, type Operation, time } from './operation.ts'
import { InjectRequest } from './receiving.ts'

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
  bcc: z.array(z.string()),
  cc: z.array(z.string()),
  reply_to: z.array(z.string()),
  received_for: z.array(z.string()).describe('The recipients of the envelope.'),
  message_id: z.string().describe('Empty if the message has none.'),
  attachments: z.array(InboundAttachment),
  undecoded: z
    .array(z.string())
    .optional()
    .describe('What could not be decoded: `whole`, `header`, or the section numbers of parts; `raw` has it.'),
  truncated: z
    .array(z.string())
    .optional()
    .describe('Lists that are cut here because they are too long: `to`, `attachments`; the message itself has more.'),
  ...expiry,
})
const LEFT_OUT = 'Null, too, if the answer would exceed 4.5 MB:'
const Email = Listed.extend({
  object: z.literal('email'),
  html: z
    .string()
    .nullable()
    .describe(
      `${LEFT_OUT} then it is behind \`html_link\`. With \`data_uri\`, images that do not fit stay \`cid:\` addresses.`,
    ),
  text: z.string().nullable().describe(`${LEFT_OUT} then it is behind \`text_link\`.`),
  html_link: z.object(link).optional(),
  text_link: z.object(link).optional(),
  headers: z
    .record(z.string(), z.string())
    .nullable()
    .describe(
      `By lower-case name; values of a repeated field are separated by line feeds. ${LEFT_OUT} then they are in \`raw\`.`,
    ),
  reconstructed: z
    .literal(true)
    .optional()
    .describe('The envelope was lost: `received_for` is made from header fields, and Bcc recipients are missing.'),
  verdicts: z
    .partialRecord(z.enum(CHECKS), z.enum(VERDICTS))
    .optional()
    .describe('Verdicts of the receiving server (SES); absent over SMTP.'),
  truncated: z
    .array(z.string())
    .describe(
      'What a limit cut: an address field, `headers`, `references`, `text`, `html` or `parts`; `raw` has it all.',
    ),
  undecoded: z.array(z.string()).describe('What could not be decoded; `raw` has it.'),
  raw: z.object(link).nullable().describe('Null once the content has expired.'),
  html_format: z.enum(['data_uri', 'cid']),
})
const ListedAttachment = z.object({
  id,
  filename: z.string().optional(),
  size: z.int(),
  content_type: z.string(),
  content_disposition: z.enum(['inline', 'attachment']),
  content_id: z.string().optional(),
  ...link,
})

export const Attachment = ListedAttachment.extend({ object: z.literal('attachment') }).meta({ id: 'Attachment' })
export const AttachmentList = list(ListedAttachment.meta({ id: 'ListedAttachment' }), 'AttachmentList')

/** Operations on received emails, and downloads. */
export const RECEIVING_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/emails/receiving',
    operationId: 'listReceivedEmails',
    tag: 'Receiving',
    summary: 'List received emails, newest first; long lists of addresses and attachments are cut',
    status: 200,
    answer: list(Listed.meta({ id: 'ReceivedEmailSummary' }), 'ReceivedEmailList'),
    paged: 'both',
  },
  {
    method: 'get',
    path: '/emails/receiving/:id',
    operationId: 'getReceivedEmail',
    tag: 'Receiving',
    summary: 'Read a received email',
    status: 200,
    answer: Email.meta({ id: 'ReceivedEmail' }),
    query: { html_format: z.enum(['data_uri', 'cid']).default('data_uri') },
  },
  {
    method: 'get',
    path: '/emails/receiving/:id/attachments',
    operationId: 'listReceivedAttachments',
    tag: 'Receiving',
    summary: 'List the attachments of a received email, in their order; without `limit` all of them',
    status: 200,
    answer: AttachmentList,
    paged: 'both',
  },
  {
    method: 'get',
    path: '/emails/receiving/:id/attachments/:aid',
    operationId: 'getReceivedAttachment',
    tag: 'Receiving',
    summary: 'Read an attachment of a received email',
    status: 200,
    answer: Attachment,
  },
  {
    method: 'post',
    path: '/emails/receiving/:id/reread',
    operationId: 'rereadReceivedEmail',
    tag: 'Receiving',
    summary: 'Read a received email again, whose answer has `undecoded`; no webhook is sent again',
    status: 200,
    answer: named('email').meta({ id: 'RereadEmail' }),
  },
  {
    method: 'delete',
    path: '/emails/receiving/:id',
    operationId: 'deleteReceivedEmail',
    tag: 'Receiving',
    summary: 'Delete a received email, in every mailbox',
    status: 200,
    answer: DeletedEmail,
  },
  {
    method: 'post',
    path: '/emails/receiving/inject',
    operationId: 'injectEmail',
    tag: 'Receiving',
    summary: 'Receive an email as if by SMTP (development); or send message/rfc822 with `to` and `from` in the query',
    request: InjectRequest,
    status: 201,
    answer: named('email').meta({ id: 'InjectedEmail' }),
    message: true,
    query: { to: address.optional(), from: z.string().max(320).optional() },
    errors: ['validation_error', 'email_above_quota'],
  },
  {
    method: 'get',
    path: '/downloads/:account/:blob',
    operationId: 'downloadFile',
    tag: 'Receiving',
    summary: 'Download a file by a signed link',
    status: 200,
    answer: z.file(),
    params: { account: z.string(), blob: z.string() },
    opens: 'signed link',
    binary: true,
  },
  {
    method: 'get',
    path: '/downloads/parts/:account/:blob/:name',
    operationId: 'downloadBody',
    tag: 'Receiving',
    summary: 'Download a body that was too large for an answer, by a signed link',
    status: 200,
    answer: z.file(),
    params: { account: z.string(), blob: z.string(), name: z.string() },
    opens: 'signed link',
    binary: true,
  },
]
