/**
 * Stores the content of a composed message, once; it is never updated. Short content lies in the message's own row, longer content
 * in a row beside it, and content with attachments or of more than 8 KB in a blob: its JSON, then the attachments in their
 * order as they are.
 */
import { createHash } from 'node:crypto'
import type { Mailbox } from '@kabutar/mail/address.ts'
import type { ComposeAttachment } from '@kabutar/mail/compose.ts'
import { previewOf } from '@kabutar/mail/read/preview.ts'
import { MailError } from '../errors.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Compute, ComputePorts, Job } from '../ports/compute.ts'
import type { Put, Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { messageContentKey } from '../store/keys.ts'
import { blobKey } from './blob-keys.ts'
import { type ComposedContent, listedPreview, type SentMessage, type Tag } from './message.ts'
import { blobStart, decodeBlob, decodeJson, encodeJson, isSmall, type StoredJson, storedJson } from './stored-json.ts'
import { unreadable } from './stored-reading.ts'
import { type UploadSizes, uploadedBytes, uploadSizes } from './uploads.ts'

/** An attachment whose bytes were uploaded before: see uploads.ts. */
type UploadedAttachment = Omit<ComposeAttachment, 'content'> & { readonly uploadId: string }
export type DraftAttachment = ComposeAttachment | UploadedAttachment
/** A message that an application asks us to send, from any front end. Addresses are parsed, headers are not yet checked. */
export type Draft = {
  readonly from: Mailbox
  readonly to: readonly Mailbox[]
  readonly cc: readonly Mailbox[]
  readonly bcc: readonly Mailbox[]
  readonly replyTo: readonly Mailbox[]
  readonly subject: string
  readonly html?: string
  readonly text?: string
  readonly headers: Readonly<Record<string, string>>
  readonly tags: readonly Tag[]
  readonly attachments: readonly DraftAttachment[]
}

export type Composed = {
  readonly html?: string
  readonly text?: string
  readonly headers: Readonly<Record<string, string>>
  readonly attachments: readonly ComposeAttachment[]
}
/** The JSON of it: an attachment has its size in place of its bytes. */
type ComposedJson = Omit<Composed, 'attachments'> & {
  readonly attachments: readonly (Omit<ComposeAttachment, 'content'> & { readonly size: number })[]
}
export type ContentPorts = ComputePorts & { readonly table: Table; readonly blobs: Blobs }

/** The limit of the whole message with its attachments in base64, as the wire says. */
const MAX_MESSAGE_BYTES = 40 * 1024 * 1024
const MAX_BLOB_BYTES = 2 * MAX_MESSAGE_BYTES
const BASE64 = 4 / 3

/** Equal for drafts that say the same, in whatever order their headers are; an upload counts by its id. */
export function digestOf(compute: Compute, draft: Draft): Promise<string> {
  const files = draft.attachments.reduce((sum, one) => sum + ('content' in one ? one.content.byteLength : 0), 0)
  return compute.run(DIGEST_DRAFT, draft, files + lengthOf(draft))
}

/** Hashing takes a few milliseconds for each MB. */
export const DIGEST_DRAFT: Job<Draft, string> = { name: 'digest-draft', largeBytes: 1024 * 1024, run: digest }

const lengthOf = ({ html = '', text = '' }: Draft) => html.length + text.length

function digest(draft: Draft): string {
  const hash = createHash('sha256')
  const headers = Object.entries(draft.headers).sort(([a], [b]) => (a < b ? -1 : 1))
  const attachments = draft.attachments.map((attachment) => {
    if ('uploadId' in attachment) return attachment
    const { content, ...described } = attachment
    return { ...described, size: content.byteLength }
  })
  const { from, to, cc, bcc, replyTo, subject, html, text, tags } = draft
  hash.update(
    JSON.stringify([from, to, cc, bcc, replyTo, subject, html ?? null, text ?? null, tags, headers, attachments]),
  )
  for (const attachment of draft.attachments) if ('content' in attachment) hash.update(attachment.content)
  return hash.digest('base64url')
}

/**
 * `size`: octets of the composed message, near enough to hold the limit. `preview`: its first words. `row`: to be written
 * before the message's row.
 */
export type PreparedContent = {
  readonly content: ComposedContent
  readonly size: number
  readonly preview: string
  readonly row?: Put
}

/**
 * Stores what a draft says under a fresh message id. Blobs are durable when it resolves, with uploads copied into them; a
 * row is left to the caller to write.
 * @throws {MailError} `message_too_large`, `invalid_attachment` for an upload that is not there
 */
export async function prepareContent(
  ports: ContentPorts,
  accountId: string,
  id: string,
  draft: Draft,
): Promise<PreparedContent> {
  const uploadIds = draft.attachments.flatMap((one) => ('uploadId' in one ? [one.uploadId] : []))
  const uploads = await uploadSizes(ports, accountId, [...new Set(uploadIds)])
  const size = composedSize(draft, uploads)
  if (size > MAX_MESSAGE_BYTES) {
    throw new MailError('message_too_large', 'A message with its attachments is at most 40 MB.')
  }
  const preview = listedPreview(previewOf(draft.text ?? null, draft.html ?? null))
  const encoded = await encodeJson(ports.compute, jsonOf(draft, uploads), lengthOf(draft))
  const stored = draft.attachments.length === 0 ? storedJson(encoded) : undefined
  if (stored === undefined) {
    await putBlob(ports.blobs, accountId, id, blobStart(encoded), draft.attachments, uploads)
    return { size, preview, content: { form: 'composed', place: 'blob' } }
  }
  if (isSmall(stored, preview)) return { size, preview, content: { form: 'composed', place: 'message', stored } }
  const item = row('message-content', messageContentKey(accountId, id), { stored })
  return { size, preview, content: { form: 'composed', place: 'row' }, row: { kind: 'put', item } }
}

function composedSize(draft: Draft, uploads: UploadSizes): number {
  const files = draft.attachments.reduce((sum, attachment) => sum + sizeOf(attachment, uploads) * BASE64, 0)
  return Math.ceil(files) + Buffer.byteLength(draft.html ?? '') + Buffer.byteLength(draft.text ?? '')
}

function sizeOf(attachment: DraftAttachment, uploads: UploadSizes): number {
  return 'content' in attachment ? attachment.content.byteLength : (uploads.get(attachment.uploadId) ?? 0)
}

function jsonOf({ html, text, headers, attachments }: Draft, uploads: UploadSizes): ComposedJson {
  return {
    ...(html !== undefined && { html }),
    ...(text !== undefined && { text }),
    headers,
    attachments: attachments.map((attachment) => {
      const { filename, contentType, contentId } = attachment
      return {
        filename,
        ...(contentType !== undefined && { contentType }),
        ...(contentId !== undefined && { contentId }),
        size: sizeOf(attachment, uploads),
      }
    }),
  }
}

async function putBlob(
  blobs: Blobs,
  accountId: string,
  id: string,
  start: Buffer,
  attachments: readonly DraftAttachment[],
  uploads: UploadSizes,
): Promise<void> {
  const inline = attachments.flatMap((one) => ('content' in one ? [one.content] : []))
  const body =
    uploads.size === 0 ? Buffer.concat([start, ...inline]) : withUploads(blobs, accountId, start, attachments, uploads)
  await blobs.put(blobKey(accountId, id), body, { maxBytes: MAX_BLOB_BYTES })
}

async function* withUploads(
  blobs: Blobs,
  accountId: string,
  start: Uint8Array,
  attachments: readonly DraftAttachment[],
  uploads: UploadSizes,
): AsyncGenerator<Uint8Array> {
  yield start
  for (const attachment of attachments) {
    if ('content' in attachment) yield attachment.content
    else yield* uploadedBytes(blobs, accountId, attachment.uploadId, sizeOf(attachment, uploads))
  }
}

/** Undefined once it was deleted or has expired. @throws {MailError} `unavailable` if it should be there and is not */
export async function getContent(
  { table, blobs, compute }: ContentPorts,
  message: SentMessage,
): Promise<Composed | undefined> {
  const { accountId, id, content, expiredAt } = message
  if (content.place === 'deleted' || expiredAt !== undefined) return undefined
  if (content.place === 'message') return composedOf(await decodeJson(content.stored))
  if (content.place === 'row') {
    const item = readRow('message-content', await table.get(messageContentKey(accountId, id)))
    if (item === undefined) throw unreadable()
    return composedOf(await decodeJson(item.stored as StoredJson))
  }
  const blob = await blobs.get(blobKey(accountId, id))
  if (blob === undefined) throw unreadable()
  const { value, rest } = await decodeBlob(compute, blob)
  return composedOf(value, rest)
}

function composedOf(json: object, files: Uint8Array = Buffer.alloc(0)): Composed {
  const { attachments, ...content } = json as ComposedJson
  let offset = 0
  return {
    ...content,
    attachments: attachments.map(({ size, ...attachment }) => {
      const from = offset
      offset += size
      return { ...attachment, content: files.subarray(from, offset) }
    }),
  }
}

/** When this resolves, nothing outside of the message's row can be read any more. Repeating it is no error. */
export async function deleteContent(
  ports: Omit<ContentPorts, 'compute'>,
  accountId: string,
  id: string,
  { place }: ComposedContent,
): Promise<void> {
  if (place === 'row') await ports.table.write({ kind: 'delete', key: messageContentKey(accountId, id) })
  if (place === 'blob') await ports.blobs.delete([blobKey(accountId, id)])
}
