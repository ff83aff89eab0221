import { DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { checkBlobKey, checkRange } from '@kabutar/core/ports/blob-rules.ts'
import type { Blobs, ByteRange, OpenBlob } from '@kabutar/core/ports/blobs.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { type ClientOptions, httpHandler } from '../sdk-client.ts'
import { storeError } from '../store-errors.ts'
import { downloadLink, uploadLink } from './presigned-links.ts'
import { upload } from './upload.ts'

/** The timeout covers the first byte of the answer; a body may take longer, but may not stall that long. */
export function s3Client(options: ClientOptions & { readonly forcePathStyle?: boolean } = {}): S3Client {
  const requestHandler = httpHandler({ answerWithinMs: 10_000, idleMs: 10_000 })
  return new S3Client({ ...options, maxAttempts: 3, requestHandler })
}

/**
 * The Blobs port on a private S3 bucket. Links are presigned: each opens one object until it expires, or until the
 * credentials that signed it expire (hours, for those of a Lambda function).
 * S3 tells a missing key from a forbidden one only to a caller that has `s3:ListBucket` on the bucket.
 */
export function s3Blobs(client: S3Client, bucket: string): Blobs {
  const context = { client, bucket }
  return {
    put: async (key, body, { maxBytes }) => upload(context, checkedKey(key), body, maxBytes),
    get: async (key) => get(context, checkedKey(key)),
    open: async (key, range) => open(context, checkedKey(key), range),
    delete: async (keys) => remove(context, keys.map(checkedKey)),
    link: (key, options) => downloadLink(context, key, options),
    uploadLink: (key, options) => uploadLink(context, key, options),
  }
}

type BucketContext = { readonly client: S3Client; readonly bucket: string }

const DELETE_AT_ONCE = 1000
/** The bytes that the first GET asks for: as much of a message as core holds in memory (messages/read-blob.ts). */
const FIRST_BYTES = 256 * 1024

function checkedKey(key: string): string {
  checkBlobKey(key)
  return key
}

async function get({ client, bucket }: BucketContext, key: string): Promise<Uint8Array | undefined> {
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
    return Body && (await Body.transformToByteArray())
  } catch (error) {
    if (isMissing(error)) return undefined
    throw storeError(error)
  }
}

/**
 * Reads the first 256 KB and the size with one request, which is the whole of most blobs. A second request reads the
 * rest when `body` gets there, so that a blob that is not read further holds no connection.
 */
async function open(context: BucketContext, key: string, range?: ByteRange): Promise<OpenBlob | undefined> {
  if (range) checkRange(range)
  const from = range?.from ?? 0
  const first = await firstOf(context, key, from, Math.min(range?.to ?? Infinity, from + FIRST_BYTES - 1))
  if (first === undefined) return undefined
  const { size, bytes } = first
  return { size, body: bodyOf(context, key, bytes, from + bytes.length, Math.min(range?.to ?? Infinity, size - 1)) }
}

type First = { readonly size: number; readonly bytes: Uint8Array }

async function firstOf(context: BucketContext, key: string, from: number, to: number): Promise<First | undefined> {
  const { client, bucket } = context
  try {
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${from}-${to}` })
    const { Body, ContentRange, ContentLength } = await client.send(command)
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array()
    return { size: Number(ContentRange?.split('/').at(-1) ?? ContentLength ?? bytes.length), bytes }
  } catch (error) {
    if (isMissing(error)) return undefined
    if (error instanceof Error && error.name === 'InvalidRange') return sizeOnly(context, key)
    throw storeError(error)
  }
}

/** Asks for the size after S3 refused the range: it begins past the end, or the blob is empty. */
async function sizeOnly({ client, bucket }: BucketContext, key: string): Promise<First | undefined> {
  try {
    const { ContentLength: size = 0 } = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))
    return { size, bytes: new Uint8Array() }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw storeError(error)
  }
}

async function* bodyOf(context: BucketContext, key: string, first: Uint8Array, from: number, to: number) {
  if (first.length > 0) yield first
  if (first.length === 0 || from > to) return
  try {
    const { client, bucket } = context
    const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${from}-${to}` })
    const { Body } = await client.send(command)
    if (Body) yield* Body as unknown as AsyncIterable<Uint8Array>
  } catch (error) {
    throw storeError(error)
  }
}

async function remove({ client, bucket }: BucketContext, keys: readonly string[]): Promise<void> {
  for (let from = 0; from < keys.length; from += DELETE_AT_ONCE) {
    const Objects = keys.slice(from, from + DELETE_AT_ONCE).map((Key) => ({ Key }))
    const left = await deleteObjects({ client, bucket }, Objects)
    if (left > 0) throw new StoreError('Unavailable', `${left} blobs were not deleted`)
  }
}

async function deleteObjects({ client, bucket }: BucketContext, Objects: { Key: string }[]): Promise<number> {
  try {
    const answer = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }))
    return answer.Errors?.length ?? 0
  } catch (error) {
    throw storeError(error)
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'NotFound')
}
