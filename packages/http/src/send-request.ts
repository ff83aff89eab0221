/** Reads the body of POST /emails into a draft. */
import { MailError } from '@kabutar/core/errors.ts'
import type { Draft, DraftAttachment } from '@kabutar/core/messages/content.ts'
import { type Mailbox, parseMailbox } from '@kabutar/mail/address.ts'
import { MalformedError } from '@kabutar/mail/malformed.ts'
import * as z from 'zod'

const MAX_ATTACHMENTS = 100
const MAX_TAGS = 20
const TAG = /^[A-Za-z0-9_-]{1,256}$/
const MEDIA_TYPE =
  /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}( *; *[\w!#$&^.+-]{1,50}=("[ !#-[\]-~]{0,200}"|[\w!#$&^.+'-]{1,200})){0,5}$/
const FILENAME = /^[^\p{Cc}\u2028\u2029]{1,255}$/u
const CONTENT_ID = /^[!#-;=?-~]{1,128}$/

const Addresses = z.union([z.string(), z.array(z.string())], { error: 'must be an address or a list of addresses' })
const BufferJson = z.strictObject({ type: z.literal('Buffer'), data: z.array(z.int().min(0).max(255)) })
const Attachment = z.strictObject({
  /** Base64. Older SDKs send a Buffer as `JSON.stringify` writes it. */
  content: z.union([z.string(), BufferJson], { error: 'must be base64' }).optional(),
  filename: z.string().regex(FILENAME, 'must be 1 to 255 characters without controls').optional(),
  content_type: z.string().regex(MEDIA_TYPE, 'must be a media type').optional(),
  content_id: z.string().regex(CONTENT_ID, 'must be 1 to 128 printable characters').optional(),
  path: z.string().optional(),
  /** The id that POST /uploads answered, in place of `content`. */
  upload_id: z.uuid().optional(),
})
const tagPart = z.string().regex(TAG, 'must be 1 to 256 of A-Z a-z 0-9 _ -')

export const SendRequest = z.strictObject({
  from: z.string(),
  to: Addresses,
  subject: z.string(),
  html: z.string().optional(),
  text: z.string().optional(),
  cc: Addresses.optional(),
  bcc: Addresses.optional(),
  reply_to: Addresses.optional(),
  headers: z.record(z.string(), z.string()).optional(),
  tags: z
    .array(z.strictObject({ name: tagPart, value: tagPart }))
    .max(MAX_TAGS, `must be at most ${MAX_TAGS}`)
    .optional(),
  attachments: z.array(Attachment).max(MAX_ATTACHMENTS, `must be at most ${MAX_ATTACHMENTS}`).optional(),
})
export type SendRequest = z.infer<typeof SendRequest>

/** @throws {MailError} `missing_field`, `invalid_message`, `invalid_attachment` */
export function draftOf(request: SendRequest): Draft {
  const { subject, html, text, headers = {}, tags = [] } = request
  if (html === undefined && text === undefined) throw new MailError('missing_field', 'Missing `html` or `text` field.')
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
    attachments: (request.attachments ?? []).map(attachmentOf),
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
  const { content, filename = 'attachment', content_type, content_id, path, upload_id } = attachment
  if (path !== undefined) {
    throw new MailError('invalid_attachment', `Attachment ${index}: \`path\` is not supported; send its \`content\`.`)
  }
  if (content !== undefined && upload_id !== undefined) {
    throw new MailError('invalid_attachment', `Attachment ${index} has both \`content\` and \`upload_id\`.`)
  }
  const described = {
    filename,
    ...(content_type !== undefined && { contentType: content_type }),
    ...(content_id !== undefined && { contentId: content_id }),
  }
  if (upload_id !== undefined) return { ...described, uploadId: upload_id.toLowerCase() }
  if (content === undefined) throw new MailError('invalid_attachment', `Attachment ${index} has no \`content\`.`)
  return {
    ...described,
    content: typeof content === 'string' ? base64Of(content, index) : Uint8Array.from(content.data),
  }
}

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
