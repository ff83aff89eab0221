/**
 * What a message says, kept apart from its row: written once, compressed, never updated. A row costs one write unit a
 * kilobyte and a blob eight, so up to 8 KB are a row. Attachments follow the JSON part as they are: they seldom shrink.
 */
import { promisify } from 'node:util'
import { deflateRaw, deflateRawSync, inflateRawSync } from 'node:zlib'
import type { ComposeAttachment } from '@kabutar/mail/compose.ts'
import { MailError } from '../errors.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Attrs, Key, Put, Table } from '../ports/table.ts'
import type { Draft, DraftAttachment } from './draft.ts'
import type { ContentPlace, Message } from './message.ts'
import { uploadedBytes } from './uploads.ts'

export type Content = {
  readonly html?: string
  readonly text?: string
  readonly headers: Readonly<Record<string, string>>
  readonly attachments: readonly ComposeAttachment[]
}
/** Bytes of the uploads that a draft attaches, by their id. */
export type UploadSizes = ReadonlyMap<string, number>
export type ContentPorts = { readonly table: Table; readonly blobs: Blobs }

/** Of the whole message after base64, as the wire says. */
export const MAX_MESSAGE_BYTES = 40 * 1024 * 1024
const MAX_ROW_BYTES = 8 * 1024
const MAX_BLOB_BYTES = 2 * MAX_MESSAGE_BYTES
const SYNC_BYTES = 64 * 1024
const BASE64 = 4 / 3

const rowKey = (accountId: string, id: string): Key => ({ pk: `${accountId}#body#${id}`, sk: 'v' })
/** Of the content's blob, if it has one; copies of its bodies are named after it. */
export const contentKey = (accountId: string, id: string) => `${accountId}/${id}`
const deflate = promisify(deflateRaw)

/** Bytes of the composed message, near enough to hold the limit. */
export function messageBytes(draft: Draft, uploads: UploadSizes): number {
  const files = draft.attachments.reduce((sum, attachment) => sum + sizeOf(attachment, uploads) * BASE64, 0)
  return Math.ceil(files) + Buffer.byteLength(draft.html ?? '') + Buffer.byteLength(draft.text ?? '')
}

function sizeOf(attachment: DraftAttachment, uploads: UploadSizes): number {
  return 'content' in attachment ? attachment.content.byteLength : (uploads.get(attachment.uploadId) ?? 0)
}

export type PreparePorts = {
  readonly blobs: Blobs
  /** Characters of JSON up to which a row is not compressed: where it is billed by the kilobyte, 1,024; at most 4,096. */
  readonly packAbove: number
}

/** Content on its way to the disk: a blob that is there already, or the row to write before the message's own. */
export type PreparedContent = { readonly place: ContentPlace; readonly row?: Put }

/** The id must be fresh. Blobs are durable when it resolves, uploads copied; a row is for the caller to write. */
export async function prepareContent(
  { blobs, packAbove }: PreparePorts,
  accountId: string,
  id: string,
  draft: Draft,
  uploads: UploadSizes,
): Promise<PreparedContent> {
  const row = (attrs: Attrs): PreparedContent => ({
    place: 'row',
    row: { kind: 'put', item: { ...rowKey(accountId, id), ...attrs } },
  })
  const json = JSON.stringify(describe(draft, uploads))
  const size = draft.attachments.reduce((sum, attachment) => sum + sizeOf(attachment, uploads), 0)
  const files = draft.attachments.flatMap((attachment) => ('content' in attachment ? [attachment.content] : []))
  if (json.length <= packAbove && size === 0) return row({ json })
  const packed = await pack(Buffer.from(json))
  if (uploads.size === 0 && (packed.byteLength + size) * BASE64 <= MAX_ROW_BYTES) {
    return row({ data: Buffer.concat([packed, ...files]).toString('base64'), n: packed.byteLength })
  }
  const head = Buffer.alloc(4)
  head.writeUInt32BE(packed.byteLength)
  const body =
    uploads.size === 0
      ? Buffer.concat([head, packed, ...files])
      : withUploads(blobs, accountId, Buffer.concat([head, packed]), draft.attachments, uploads)
  await blobs.put(contentKey(accountId, id), body, { maxBytes: MAX_BLOB_BYTES })
  return { place: 'blob' }
}

async function* withUploads(
  blobs: Blobs,
  accountId: string,
  head: Uint8Array,
  attachments: readonly DraftAttachment[],
  uploads: UploadSizes,
): AsyncGenerator<Uint8Array> {
  yield head
  for (const attachment of attachments) {
    if ('content' in attachment) yield attachment.content
    else yield* uploadedBytes(blobs, accountId, attachment.uploadId, sizeOf(attachment, uploads))
  }
}

async function pack(json: Buffer): Promise<Buffer> {
  return json.byteLength > SYNC_BYTES ? deflate(json) : deflateRawSync(json, packing(json.byteLength))
}

/** A small window and state cost a third of the CPU and lose nothing on a small body. */
const packing = (bytes: number) => (bytes <= 4096 ? { level: 3, windowBits: 12, memLevel: 5 } : {})

function describe(draft: Draft, uploads: UploadSizes) {
  return {
    ...(draft.html !== undefined && { html: draft.html }),
    ...(draft.text !== undefined && { text: draft.text }),
    headers: draft.headers,
    files: draft.attachments.map((attachment) => {
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

/** Undefined once it was deleted. @throws {MailError} `unavailable` if it should be there and is not */
export async function getContent(ports: ContentPorts, message: Message): Promise<Content | undefined> {
  if (message.content === 'deleted') return undefined
  const packed =
    message.content === 'row'
      ? await fromRow(ports.table, rowKey(message.accountId, message.id))
      : await fromBlob(ports.blobs, contentKey(message.accountId, message.id))
  if (packed === undefined) throw new MailError('unavailable', 'The content of the message cannot be read now.')
  return unpack(packed)
}

type Packed = { readonly json: string; readonly files: Buffer }

async function fromRow(table: Table, key: Key): Promise<Packed | undefined> {
  const row = await table.get(key)
  if (row === undefined) return undefined
  if (typeof row.json === 'string') return { json: row.json, files: Buffer.alloc(0) }
  return split(Buffer.from(row.data as string, 'base64'), row.n as number)
}

async function fromBlob(blobs: Blobs, key: string): Promise<Packed | undefined> {
  const bytes = await blobs.get(key)
  if (bytes === undefined) return undefined
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return split(buffer.subarray(4), buffer.readUInt32BE(0))
}

function split(bytes: Buffer, packedBytes: number): Packed {
  const json = inflateRawSync(bytes.subarray(0, packedBytes), { maxOutputLength: MAX_BLOB_BYTES }).toString()
  return { json, files: bytes.subarray(packedBytes) }
}

function unpack({ json, files }: Packed): Content {
  const { files: described, ...content } = JSON.parse(json) as ReturnType<typeof describe>
  let offset = 0
  const attachments = described.map(({ size, ...attachment }) => {
    const from = offset
    offset += size
    return { ...attachment, content: files.subarray(from, offset) }
  })
  return { ...content, attachments }
}

/** Nothing of it can be read any more when this resolves. */
export async function deleteContent(
  ports: ContentPorts,
  accountId: string,
  id: string,
  place: ContentPlace,
): Promise<void> {
  if (place === 'row') await ports.table.write({ kind: 'delete', key: rowKey(accountId, id) })
  if (place === 'blob') await ports.blobs.delete([contentKey(accountId, id)])
}
