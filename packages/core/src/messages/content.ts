/**
 * What a message says: written once, compressed, never updated. The first kilobyte of a row is one write unit, filled or
 * not, so what fits lies in the message's own row; else in a row beside it. A row costs one unit a kilobyte and a blob
 * eight, so up to 8 KB are a row. Attachments follow the JSON part as they are: they seldom shrink.
 */
import type { ComposeAttachment } from '@kabutar/mail/compose.ts'
import { MailError } from '../errors.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Put, Table } from '../ports/table.ts'
import { itemBytes } from '../ports/table-rules.ts'
import { readRow, row } from '../store/codec.ts'
import { messageContentKey } from '../store/keys.ts'
import type { Draft, DraftAttachment } from './draft.ts'
import { type ContentPlace, itemOf, type Message, type StoredContent, storedOf } from './message.ts'
import { type Packed, type PackPorts, pack, unpack } from './packing.ts'
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
const BASE64 = 4 / 3
const UNIT_BYTES = 1024
/** What the work on a message adds to its row: a lease, counters, and the relay's id in place of ours. */
const WORK_BYTES = 96

/** Of the content's blob, if it has one; copies of its bodies are named after it. */
export const contentKey = (accountId: string, id: string) => `${accountId}/${id}`

/** Bytes of the composed message, near enough to hold the limit. */
export function messageBytes(draft: Draft, uploads: UploadSizes): number {
  const files = draft.attachments.reduce((sum, attachment) => sum + sizeOf(attachment, uploads) * BASE64, 0)
  return Math.ceil(files) + Buffer.byteLength(draft.html ?? '') + Buffer.byteLength(draft.text ?? '')
}

function sizeOf(attachment: DraftAttachment, uploads: UploadSizes): number {
  return 'content' in attachment ? attachment.content.byteLength : (uploads.get(attachment.uploadId) ?? 0)
}

export type PreparePorts = PackPorts & {
  readonly blobs: Blobs
  /** Characters of JSON up to which a row of its own is not compressed: none where it is billed by the kilobyte; at most 4,096. */
  readonly packAbove: number
  /** Pack against what a sender's mails have in common: where a row is billed by the kilobyte. @default false */
  readonly dictionaries?: boolean
}

/** Content on its way to the disk: in the message itself, a blob that is there already, or the row to write before it. */
export type PreparedContent = { readonly message: Message; readonly row?: Put }

/** The id must be fresh. Blobs are durable when it resolves, uploads copied; a row is for the caller to write. */
export async function prepareContent(
  ports: PreparePorts,
  message: Message,
  draft: Draft,
  uploads: UploadSizes,
): Promise<PreparedContent> {
  const json = JSON.stringify(describe(draft, uploads))
  const size = draft.attachments.reduce((sum, attachment) => sum + sizeOf(attachment, uploads), 0)
  if (size === 0) {
    if (fits(message, { json })) return { message: { ...message, content: 'here', stored: { json } } }
    if (json.length <= ports.packAbove) return inRow(message, { json })
  }
  const mail = {
    accountId: message.accountId,
    sender: draft.from.address.toLowerCase(),
    recipients: addressesOf(message),
    json,
  }
  const mayBeRow = uploads.size === 0 && size * BASE64 <= MAX_ROW_BYTES
  const packed = await pack(mail, ports.dictionaries && mayBeRow ? ports : undefined)
  if (mayBeRow && (packed.bytes.byteLength + size) * BASE64 <= MAX_ROW_BYTES) {
    const stored = storedWith(packed, filesOf(draft))
    return fits(message, stored) ? { message: { ...message, content: 'here', stored } } : inRow(message, stored)
  }
  return inBlob(ports.blobs, message, draft, uploads, packed.dictionary === undefined ? packed : await pack(mail))
}

const addressesOf = ({ recipients }: Message) => recipients.map(({ address }) => address.toLowerCase())
const filesOf = ({ attachments }: Draft) => attachments.flatMap((one) => ('content' in one ? [one.content] : []))

/** In the first kilobyte of the message's row, which is written and read anyway. */
function fits(message: Message, stored: StoredContent): boolean {
  const text = 'json' in stored ? stored.json : stored.data
  if (text.length > UNIT_BYTES) return false
  return itemBytes(itemOf({ ...message, content: 'here', stored })) + WORK_BYTES <= UNIT_BYTES
}

const inRow = (message: Message, stored: StoredContent): PreparedContent => ({
  message: { ...message, content: 'row' },
  row: { kind: 'put', item: row('message-content', messageContentKey(message.accountId, message.id), stored) },
})

function storedWith({ bytes, dictionary }: Packed, files: readonly Uint8Array[]): StoredContent {
  const data = files.length === 0 ? bytes : Buffer.concat([bytes, ...files])
  return { data: data.toString('base64'), n: bytes.byteLength, ...(dictionary !== undefined && { d: dictionary }) }
}

/** Four bytes of length, the JSON packed without a dictionary, the files. */
async function inBlob(
  blobs: Blobs,
  message: Message,
  draft: Draft,
  uploads: UploadSizes,
  { bytes }: Packed,
): Promise<PreparedContent> {
  const { accountId, id } = message
  const head = Buffer.alloc(4)
  head.writeUInt32BE(bytes.byteLength)
  const body =
    uploads.size === 0
      ? Buffer.concat([head, bytes, ...filesOf(draft)])
      : withUploads(blobs, accountId, Buffer.concat([head, bytes]), draft.attachments, uploads)
  await blobs.put(contentKey(accountId, id), body, { maxBytes: MAX_BLOB_BYTES })
  return { message: { ...message, content: 'blob' } }
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
export async function getContent({ table, blobs }: ContentPorts, message: Message): Promise<Content | undefined> {
  const { accountId, id } = message
  if (message.content === 'deleted') return undefined
  if (message.content === 'blob') return fromBlob(table, accountId, await blobs.get(contentKey(accountId, id)))
  if (message.content === 'here') return fromRow(table, accountId, message.stored)
  const item = readRow('message-content', await table.get(messageContentKey(accountId, id)))
  return fromRow(table, accountId, item && storedOf(item))
}

async function fromRow(table: Table, accountId: string, stored: StoredContent | undefined): Promise<Content> {
  if (stored === undefined) throw unavailable()
  if ('json' in stored) return contentOf(stored.json, Buffer.alloc(0))
  const { data, n, d: dictionary } = stored
  return split(table, accountId, Buffer.from(data, 'base64'), n, dictionary)
}

async function fromBlob(table: Table, accountId: string, bytes: Uint8Array | undefined): Promise<Content> {
  if (bytes === undefined) throw unavailable()
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return split(table, accountId, buffer.subarray(4), buffer.readUInt32BE(0))
}

async function split(table: Table, accountId: string, bytes: Buffer, packedBytes: number, dictionary?: string) {
  const packed = { bytes: bytes.subarray(0, packedBytes), ...(dictionary !== undefined && { dictionary }) }
  return contentOf(await unpack(table, accountId, packed, MAX_BLOB_BYTES), bytes.subarray(packedBytes))
}

const unavailable = () => new MailError('unavailable', 'The content of the message cannot be read now.')

function contentOf(json: string, files: Buffer): Content {
  const { files: described, ...content } = JSON.parse(json) as ReturnType<typeof describe>
  let offset = 0
  const attachments = described.map(({ size, ...attachment }) => {
    const from = offset
    offset += size
    return { ...attachment, content: files.subarray(from, offset) }
  })
  return { ...content, attachments }
}

/** What lies outside of the message's row can't be read any more when this resolves. */
export async function deleteContent(
  ports: ContentPorts,
  accountId: string,
  id: string,
  place: ContentPlace,
): Promise<void> {
  if (place === 'row') await ports.table.write({ kind: 'delete', key: messageContentKey(accountId, id) })
  if (place === 'blob') await ports.blobs.delete([contentKey(accountId, id)])
}
