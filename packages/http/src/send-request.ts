/** Reads the body of POST /emails into a draft. */
import { MailError } from '@kabutar/core/errors.ts'
import type { Draft, DraftAttachment } from '@kabutar/core/messages/content.ts'
import { type Mailbox, parseMailbox } from '@kabutar/mail/address.ts'
import { MalformedError } from '@kabutar/mail/malformed.ts'
import * as z from 'zod'
import { notYet } from './fields.ts'

const MAX_ATTACHMENTS = 100
const MAX_TAGS = 20
const TAG = /^[A-Za-z0-9_-]{1,256}$/
const MEDIA_TYPE =
  /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}( *; *[\w!#$&^.+-]{1,50}=("[ !#-[\]-~]{0,200}"|[\w!#$&^.+'-]{1,200})){0,5}$/
/** Readers find no file behind such a type: it is a container of parts, or of a reference. */
const NO_FILE = /^(multipart\/|message\/(partial|external-body)\b)/i
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not be in a header field
const FILENAME = /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]{1,255}$/
const CONTENT_ID = /^[!#-;=?-~]{1,128}$/

const address = z.string().meta({ minLength: 1, maxLength: 384, examples: ['Ada Lovelace <ada@example.com>'] })
const Addresses = z
  .union([address, z.array(address).meta({ maxItems: 50 })], { error: 'must be an address or a list of addresses' })
  .meta({ id: 'Addresses' })
const bytes = z.array(z.int().min(0).max(255))
const Content = z.union(
  [z.string(), bytes, z.object({ type: z.literal('Buffer'), data: z.union([z.string(), bytes]) })],
  {
    error: 'must be base64, or the bytes as numbers',
  },
)
const contentId = z.string().regex(CONTENT_ID, 'must be 1 to 128 printable characters').optional()
const Attachment = z
  .object({
    content: Content.optional(),
    filename: z.string().regex(FILENAME, 'must be 1 to 255 characters without controls').optional(),
    content_type: z.string().regex(MEDIA_TYPE, 'must be a media type').optional(),
    content_id: contentId,
    /** The name of `content_id` in older SDKs. */
    inline_content_id: contentId,
    path: z.string().describe('Not in this version: refused unless it is empty.').optional(),
    /** The id that POST /uploads answered, in place of `content`. */
    upload_id: z.uuid().optional(),
  })
  .meta({ id: 'SendAttachment' })
const tagPart = z.string().regex(TAG, 'must be 1 to 256 of A-Z a-z 0-9 _ -')

const Tag = z.object({ name: tagPart, value: tagPart }).meta({ id: 'Tag' })

export const SendRequest = z
  .object({
    from: address,
    to: Addresses,
    subject: z.string().meta({ maxLength: 998 }),
    html: z.string().optional(),
    text: z.string().optional(),
    cc: Addresses.optional(),
    bcc: Addresses.optional(),
    reply_to: Addresses.optional(),
    headers: z
      .record(z.string(), z.string().meta({ maxLength: 8192 }))
      .meta({ maxProperties: 100 })
      .optional(),
    tags: z.array(Tag).max(MAX_TAGS, `must be at most ${MAX_TAGS}`).optional(),
    attachments: z.array(Attachment).max(MAX_ATTACHMENTS, `must be at most ${MAX_ATTACHMENTS}`).optional(),
    scheduled_at: notYet,
    topic_id: notYet,
    template: notYet,
  })
  .meta({ id: 'SendEmail' })
export type SendRequest = z.infer<typeof SendRequest>

/** @throws {MailError} `missing_field`, `invalid_message`, `invalid_attachment` */
export function draftOf(request: SendRequest): Draft {
  const { subject, html, text, headers = {}, tags = [], attachments = [] } = request
  // The SDK forwards mail that has files alone, such as PGP/MIME.
  if (html === undefined && text === undefined && attachments.length === 0) {
    throw new MailError('missing_field', 'Missing `html` or `text` field.')
  }
  return {
    from: mailboxOf(request.from, 'from'),
    to: mailboxesOf(request.to, 'to'),
    cc: mailboxesOf(request.cc, 'cc'),
    bcc: mailboxesOf(request.bcc, 'bcc'),
    replyTo: mailboxesOf(request.reply_to, 'reply_to'),
    subject,
    ...(html !== undefined && { html }),
    ...(text !== undefined && { text }),
    headers,
    tags,
    attachments: attachments.map(attachmentOf),
  }
}

const MAX_ADDRESSES = 1000

function mailboxesOf(value: string | readonly string[] | undefined, field: string): Mailbox[] {
  if (value === undefined) return []
  if (typeof value === 'string') return [mailboxOf(value, field)]
  return value.slice(0, MAX_ADDRESSES).map((text) => mailboxOf(text, field))
}

function mailboxOf(text: string, field: string): Mailbox {
  try {
    return parseMailbox(text)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    const expected = 'The address must follow the `email@example.com` or `Name <email@example.com>` format.'
    throw new MailError(
      field === 'from' ? 'invalid_from' : 'invalid_message',
      `Invalid \`${field}\` field. ${expected}`,
      {
        cause: error,
      },
    )
  }
}

function attachmentOf(attachment: z.infer<typeof Attachment>, index: number): DraftAttachment {
  const { content, path = '', upload_id } = attachment
  if (path !== '') throw refused(index, '`path` is not in this version; send its `content`.')
  if (content !== undefined && upload_id !== undefined) throw refused(index, 'it has both `content` and `upload_id`.')
  const described = describedOf(attachment, index)
  if (upload_id !== undefined) return { ...described, uploadId: upload_id.toLowerCase() }
  if (content === undefined) throw refused(index, 'it has no `content`.')
  const data = typeof content === 'object' && 'data' in content ? content.data : content
  return { ...described, content: typeof data === 'string' ? base64Of(data, index) : Uint8Array.from(data) }
}

function describedOf(attachment: z.infer<typeof Attachment>, index: number) {
  const { filename = 'attachment', content_type: contentType, inline_content_id } = attachment
  const { content_id: contentId = inline_content_id } = attachment
  if (contentType !== undefined && NO_FILE.test(contentType)) {
    throw refused(index, 'no file can have its `content_type`.')
  }
  return { filename, ...(contentType !== undefined && { contentType }), ...(contentId !== undefined && { contentId }) }
}

const refused = (index: number, why: string) => new MailError('invalid_attachment', `Attachment ${index}: ${why}`)

/** Decodes strictly: Buffer skips characters that are not base64, which would change the file. */
function base64Of(text: string, index: number): Uint8Array {
  const compact = /\s/.test(text) ? text.replace(/\s+/g, '') : text
  const bytes = Buffer.from(compact, 'base64')
  const padding = compact.endsWith('==') ? 2 : compact.endsWith('=') ? 1 : 0
  const exact = compact.length % 4 === 0 && bytes.byteLength === (compact.length / 4) * 3 - padding
  if (!exact || /[-_]/.test(compact)) {
    throw new MailError('invalid_attachment', `The \`content\` of attachment ${index} is not valid base64.`)
  }
  return bytes
}
