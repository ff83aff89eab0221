/**
 * JSON of a message as rows and blobs hold it: as text while it is short, else deflated (zlib format, RFC 1950). A row
 * costs one write unit per KB and a blob eight, so up to 8 KB are a row. The JSON says its format, wherever it lies.
 */
import { promisify } from 'node:util'
import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib'
import { StoreError } from '../ports/table.ts'

/** `deflated` is in base64. */
export type StoredJson = { readonly json: string } | { readonly deflated: string }
export type EncodedJson = { readonly json: string } | { readonly deflated: Buffer }
/** The first line of a blob: how many bytes of JSON follow it, and whether they are deflated. */
type BlobHeader = { readonly format: number; readonly encoding: 'identity' | 'deflate'; readonly bytes: number }

const FORMAT = 1
const MAX_PLAIN_BYTES = 1024
/** A message's row is written three times, so only what is small lies in it. */
const MAX_IN_MESSAGE_BYTES = 512
const MAX_ROW_BYTES = 8 * 1024
/** Below this size the thread pool would cost more than the work. */
const MAX_SYNC_BYTES = 64 * 1024
/** Bounds what is written, so that all of it can be read. The texts of a message have 8 MB, six times that if all are escaped. */
const MAX_JSON_BYTES = 64 * 1024 * 1024
const LINE_FEED = 0x0a

const deflateLater = promisify<Uint8Array, Buffer>(deflate)
const inflateLater = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate)

/** @throws {StoreError} `TooLarge` past 64 MB of JSON, however small it is deflated */
export async function encodeJson(value: object): Promise<EncodedJson> {
  const json = JSON.stringify({ format: FORMAT, ...value })
  if (Buffer.byteLength(json) > MAX_JSON_BYTES) {
    throw new StoreError('TooLarge', `JSON of a message is over ${MAX_JSON_BYTES} bytes`)
  }
  const bytes = Buffer.from(json)
  if (bytes.byteLength <= MAX_PLAIN_BYTES) return { json }
  return { deflated: bytes.byteLength <= MAX_SYNC_BYTES ? deflateSync(bytes) : await deflateLater(bytes) }
}

/** The attributes of a row that holds the JSON; undefined if it is too large and belongs into a blob. */
export function storedJson(encoded: EncodedJson): StoredJson | undefined {
  if ('json' in encoded) return encoded
  if ((encoded.deflated.byteLength * 4) / 3 > MAX_ROW_BYTES) return undefined
  return { deflated: encoded.deflated.toString('base64') }
}

export function isSmall(stored: StoredJson): boolean {
  return Buffer.byteLength('json' in stored ? stored.json : stored.deflated) <= MAX_IN_MESSAGE_BYTES
}

/** @throws {StoreError} `UnknownFormat` */
export async function decodeJson(stored: StoredJson): Promise<object> {
  if ('json' in stored) return parsed(stored.json)
  return parsed(await inflated(Buffer.from(stored.deflated, 'base64')))
}

/** The beginning of a blob: a header line, then the JSON. Attachments may follow. */
export function blobStart(encoded: EncodedJson): Buffer {
  const [encoding, body] =
    'json' in encoded ? (['identity', Buffer.from(encoded.json)] as const) : (['deflate', encoded.deflated] as const)
  const header: BlobHeader = { format: FORMAT, encoding, bytes: body.byteLength }
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body])
}

/** The JSON of a blob, and the bytes that follow it. @throws {StoreError} `UnknownFormat` */
export async function decodeBlob(blob: Uint8Array): Promise<{ readonly value: object; readonly rest: Buffer }> {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength)
  const start = bytes.indexOf(LINE_FEED) + 1
  const header = parsed(bytes.toString('utf8', 0, start)) as BlobHeader
  const end = start + header.bytes
  const body = bytes.subarray(start, end)
  const json = header.encoding === 'deflate' ? await inflated(body) : body.toString()
  return { value: parsed(json), rest: bytes.subarray(end) }
}

async function inflated(bytes: Uint8Array): Promise<string> {
  const options = { maxOutputLength: MAX_JSON_BYTES }
  const json = bytes.byteLength <= MAX_SYNC_BYTES ? inflateSync(bytes, options) : await inflateLater(bytes, options)
  return json.toString()
}

function parsed(json: string): object {
  const { format, ...value } = JSON.parse(json) as { readonly format?: unknown }
  if (format === FORMAT) return value
  throw new StoreError('UnknownFormat', `JSON of a message has format ${format}; this version reads format ${FORMAT}`)
}
