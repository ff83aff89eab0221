/**
 * JSON of a message as rows and blobs hold it: as text while it is short, else deflated (zlib format, RFC 1950). A row
 * costs one write unit per KB and a blob eight, so up to 8 KB are a row. The JSON says its format, wherever it lies.
 */
import { promisify } from 'node:util'
import { deflate, deflateSync, inflate, inflateSync } from 'node:zlib'
import { MAX_READING_JSON_BYTES } from '@kabutar/mail/limits.ts'
import type { Compute, Job } from '../ports/compute.ts'
import { StoreError } from '../ports/table.ts'

/** `deflated` is in base64. */
export type StoredJson = { readonly json: string } | { readonly deflated: string }
/** `size`: bytes of the JSON. */
export type EncodedJson = { readonly json: string } | { readonly deflated: Uint8Array; readonly size: number }
/** The first line of a blob: the JSON that follows it takes `bytes`, and `size` when it is inflated. */
type BlobHeader = {
  readonly format: number
  readonly encoding: 'identity' | 'deflate'
  readonly bytes: number
  readonly size: number
}

const FORMAT = 1
const MAX_PLAIN_BYTES = 1024
/** A message's row is written three times, so only what is small lies in it. */
const MAX_IN_MESSAGE_BYTES = 512
const MAX_ROW_BYTES = 8 * 1024
/** Below this size the thread pool would cost more than the work. */
const MAX_SYNC_BYTES = 64 * 1024
/**
 * Bounds what is encoded, and in the same way what is decoded, so that all that was written can be read. Every reading of a
 * received message fits, and the JSON of a sent one, which comes in a request of 42 MB.
 */
const MAX_JSON_BYTES = MAX_READING_JSON_BYTES
/** Making or parsing 1 MB of JSON takes up to 10 ms. */
const LARGE_JSON_BYTES = 1024 * 1024
const LINE_FEED = 0x0a

const deflateLater = promisify<Uint8Array, Buffer>(deflate)
const inflateLater = promisify<Uint8Array, { maxOutputLength: number }, Buffer>(inflate)

/**
 * Encodes JSON of about `bytes`.
 * @throws {StoreError} `TooLarge` past 70 MB of JSON, however small it is deflated
 */
export async function encodeJson(compute: Compute, value: object, bytes: number): Promise<EncodedJson> {
  const encoded = await compute.run(ENCODE_JSON, value, bytes)
  if (encoded === undefined) throw new StoreError('TooLarge', `JSON of a message is over ${MAX_JSON_BYTES} bytes`)
  return encoded
}

/** Answers undefined for what is too large. */
export const ENCODE_JSON: Job<object, EncodedJson | undefined> = {
  name: 'encode-json',
  largeBytes: LARGE_JSON_BYTES,
  async run(value) {
    const json = JSON.stringify({ format: FORMAT, ...value })
    if (Buffer.byteLength(json) > MAX_JSON_BYTES) return undefined
    const bytes = Buffer.from(json)
    const size = bytes.byteLength
    if (size <= MAX_PLAIN_BYTES) return { json }
    return { deflated: size <= MAX_SYNC_BYTES ? deflateSync(bytes) : await deflateLater(bytes), size }
  },
}

/** The attributes of a row that holds the JSON; undefined if it is too large and belongs into a blob. */
export function storedJson(encoded: EncodedJson): StoredJson | undefined {
  if ('json' in encoded) return encoded
  if ((encoded.deflated.byteLength * 4) / 3 > MAX_ROW_BYTES) return undefined
  return { deflated: bufferOf(encoded.deflated).toString('base64') }
}

/** True if the JSON may lie in its message's row, which has the preview as well. */
export function isSmall(stored: StoredJson, preview: string): boolean {
  const bytes = Buffer.byteLength('json' in stored ? stored.json : stored.deflated)
  return bytes + Buffer.byteLength(preview) <= MAX_IN_MESSAGE_BYTES
}

/** Decodes the JSON of a row, which is 8 MB at most, inflated. @throws {StoreError} `UnknownFormat` */
export async function decodeJson(stored: StoredJson): Promise<object> {
  if ('json' in stored) return known(JSON.parse(stored.json))
  const bytes = Buffer.from(stored.deflated, 'base64')
  return known(await DECODE_JSON.run({ encoding: 'deflate', bytes }))
}

/** The beginning of a blob: a header line, then the JSON. Attachments may follow. */
export function blobStart(encoded: EncodedJson): Buffer {
  const [encoding, body] =
    'json' in encoded ? (['identity', Buffer.from(encoded.json)] as const) : (['deflate', encoded.deflated] as const)
  const bytes = body.byteLength
  const header: BlobHeader = { format: FORMAT, encoding, bytes, size: 'json' in encoded ? bytes : encoded.size }
  return Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body])
}

/** The JSON of a blob, and the bytes that follow it. @throws {StoreError} `UnknownFormat` */
export async function decodeBlob(
  compute: Compute,
  blob: Uint8Array,
): Promise<{ readonly value: object; readonly rest: Buffer }> {
  const bytes = bufferOf(blob)
  const start = bytes.indexOf(LINE_FEED) + 1
  const header = known(JSON.parse(bytes.toString('utf8', 0, start))) as BlobHeader
  const end = start + header.bytes
  // Sliced: a job gets a copy of the whole buffer that an array is part of, and attachments may follow.
  const body =
    header.size < LARGE_JSON_BYTES ? bytes.subarray(start, end) : Uint8Array.prototype.slice.call(bytes, start, end)
  const value = await compute.run(DECODE_JSON, { encoding: header.encoding, bytes: body }, header.size, [body])
  return { value: known(value), rest: bytes.subarray(end) }
}

export const DECODE_JSON: Job<{ readonly encoding: BlobHeader['encoding']; readonly bytes: Uint8Array }, unknown> = {
  name: 'decode-json',
  largeBytes: LARGE_JSON_BYTES,
  async run({ encoding, bytes }) {
    const json = encoding === 'deflate' ? await inflated(bytes) : bufferOf(bytes)
    return JSON.parse(json.toString())
  },
}

async function inflated(bytes: Uint8Array): Promise<Buffer> {
  const options = { maxOutputLength: MAX_JSON_BYTES }
  return bytes.byteLength <= MAX_SYNC_BYTES ? inflateSync(bytes, options) : inflateLater(bytes, options)
}

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength)

function known(json: unknown): object {
  const { format, ...value } = json as { readonly format?: unknown }
  if (format === FORMAT) return value
  throw new StoreError('UnknownFormat', `JSON of a message has format ${format}; this version reads format ${FORMAT}`)
}
