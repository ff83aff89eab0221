import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { BlobBody } from '@kabutar/core/ports/blobs.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { storeError } from '../store-errors.ts'

/** S3 requires at least 5 MiB. An upload holds one part in memory. */
const PART_BYTES = 8 * 1024 * 1024

type Target = { readonly client: S3Client; readonly bucket: string }
type Part = { readonly PartNumber: number; readonly ETag: string }

/**
 * Stores a body with one PUT if it fits in a part, else with a multipart upload. The object appears whole or not at all;
 * the bucket's lifecycle rule removes parts of an upload that was never completed.
 * @throws {StoreError} `TooLarge` past `maxBytes`, `Unavailable`; what the body throws
 */
export async function upload(target: Target, key: string, body: BlobBody, maxBytes: number): Promise<void> {
  if (body instanceof Uint8Array) {
    if (body.length > maxBytes) throw tooLarge(maxBytes)
    return putObject(target, key, body)
  }
  const parts = inParts(body, maxBytes)
  const first = await parts.next()
  const second = first.done ? first : await parts.next()
  if (second.done) return putObject(target, key, first.value ?? new Uint8Array())
  return multipart(target, key, chain([first.value as Uint8Array, second.value], parts))
}

async function putObject({ client, bucket }: Target, key: string, body: Uint8Array): Promise<void> {
  await call(() => client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body })))
}

async function multipart(target: Target, key: string, parts: AsyncIterable<Uint8Array>): Promise<void> {
  const { client, bucket } = target
  const { UploadId } = await call(() => client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key })))
  const ids = { Bucket: bucket, Key: key, UploadId }
  try {
    const Parts: Part[] = []
    for await (const Body of parts) {
      const PartNumber = Parts.length + 1
      const { ETag = '' } = await call(() => client.send(new UploadPartCommand({ ...ids, PartNumber, Body })))
      Parts.push({ PartNumber, ETag })
    }
    await call(() => client.send(new CompleteMultipartUploadCommand({ ...ids, MultipartUpload: { Parts } })))
  } catch (error) {
    // The first error is thrown; the lifecycle rule removes an upload that could not be aborted.
    await client.send(new AbortMultipartUploadCommand(ids)).catch(() => undefined)
    throw error
  }
}

/** Yields parts of PART_BYTES, and a last one that may be shorter. @throws {StoreError} `TooLarge` */
async function* inParts(body: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array, undefined> {
  let held: Uint8Array[] = []
  let heldBytes = 0
  let total = 0
  for await (const chunk of body) {
    total += chunk.length
    if (total > maxBytes) throw tooLarge(maxBytes)
    let rest = chunk
    while (heldBytes + rest.length >= PART_BYTES) {
      const cut = PART_BYTES - heldBytes
      yield Buffer.concat([...held, rest.subarray(0, cut)])
      rest = rest.subarray(cut)
      held = []
      heldBytes = 0
    }
    held.push(rest)
    heldBytes += rest.length
  }
  if (heldBytes > 0) yield Buffer.concat(held)
}

async function* chain(first: readonly Uint8Array[], rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* first
  yield* rest
}

function tooLarge(maxBytes: number): StoreError {
  return new StoreError('TooLarge', `a blob is over ${maxBytes} bytes`)
}

async function call<T>(send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    throw storeError(error)
  }
}
