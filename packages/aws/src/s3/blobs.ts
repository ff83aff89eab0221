import { DeleteObjectsCommand, GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { attachmentDisposition, checkBlobKey, checkLink, checkRange } from '@kabutar/core/ports/blob-rules.ts'
import type { Blobs, ByteRange, LinkOptions, OpenBlob } from '@kabutar/core/ports/blobs.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { storeError } from '../dynamo/store-errors.ts'
import { harmlessType } from './safe-content-type.ts'
import { upload } from './upload.ts'
import { uploadLink } from './upload-link.ts'

/**
 * A private bucket, encrypted at rest. Links are presigned: whoever has one reads that object, and only that, until it
 * expires or the credentials that signed it do (hours, for a Lambda function's). S3 cannot send `nosniff`, so a type that
 * a browser would run is given out as `application/octet-stream`, besides always being an attachment.
 * Upload links take a body of exactly their size.
 * Missing keys are told from forbidden ones only with `s3:ListBucket` on the bucket.
 */
export function s3Blobs(client: S3Client, bucket: string): Blobs {
  const context = { client, bucket }
  return {
    put: async (key, body, { maxBytes }) => upload(context, checkedKey(key), body, maxBytes),
    get: async (key) => get(context, checkedKey(key)),
    open: async (key, range) => open(context, checkedKey(key), range),
    delete: async (keys) => remove(context, keys.map(checkedKey)),
    link: (key, options) => link(context, key, options),
    uploadLink: (key, options) => uploadLink(context, key, options),
  }
}

export type BucketContext = { readonly client: S3Client; readonly bucket: string }

const DELETE_AT_ONCE = 1000
/** As much as core holds of a message (receiving/inspect.ts). */
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
 * One request brings the first 256 KB and says how large the blob is, so that most are read by it, and one that nobody
 * reads on holds no connection. The rest is requested when `body` comes to it.
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

/** Nothing lies in the range; an empty blob has none. */
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

async function link({ client, bucket }: BucketContext, key: string, options: LinkOptions): Promise<URL> {
  checkLink(key, options)
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ResponseContentDisposition: attachmentDisposition(options.filename),
    ResponseContentType: harmlessType(options.contentType),
    ResponseCacheControl: 'private, no-store',
  })
  return new URL(await getSignedUrl(client, command, { expiresIn: Math.floor(options.expiresInSeconds) }))
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && (error.name === 'NoSuchKey' || error.name === 'NotFound')
}
