/** Reads blobs from the database and from files. What is read whole is compared with the hash of what was written. */
import { createHash } from 'node:crypto'
import type { ByteRange, OpenBlob } from '@kabutar/core/ports/blobs.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { type Engine, reading } from '../sqlite/engine.ts'
import type { BlobFiles, Digest } from './blob-files.ts'

export type BlobStores = { readonly engine: Engine; readonly files: BlobFiles; readonly log: Log | undefined }

const GET = 'SELECT bytes, sha256, body FROM blob WHERE key = ?'

/** @throws {StoreError} `Damaged`; and the errors of the file system */
export async function readStored({ engine, files, log }: BlobStores, key: string): Promise<Uint8Array | undefined> {
  const stored = storedBlob(engine, key)
  if (stored === undefined) return undefined
  const body = stored.body ?? (await files.read(key))
  if (body !== undefined) checkDigest(key, stored, digestOf(body), log)
  return body
}

/** The body throws `Damaged` before its last piece. */
export async function openStored(
  { engine, files, log }: BlobStores,
  key: string,
  range: ByteRange | undefined,
): Promise<OpenBlob | undefined> {
  const stored = storedBlob(engine, key)
  if (stored === undefined) return undefined
  const { bytes: size, body } = stored
  if (body === null && (await files.sizeOf(key)) === undefined) return undefined
  const { from, to } = range ?? { from: 0, to: size }
  const bytes = body ? piece(body.subarray(from, to + 1)) : files.stream(key, { from, to: Math.min(to, size - 1) })
  return { size, body: range ? bytes : verified(key, stored, bytes, log) }
}

async function* piece(bytes: Uint8Array) {
  if (bytes.length > 0) yield bytes
}

/** `body` is null for a file. */
type StoredBlob = Digest & { readonly body: Uint8Array | null }

export function storedBlob(engine: Engine, key: string): StoredBlob | undefined {
  return reading(() => engine.statement(GET).get(key)) as StoredBlob | undefined
}

export function digestOf(body: Uint8Array): Digest {
  return { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') }
}

/** @throws {StoreError} `Damaged` */
function checkDigest(key: string, stored: Digest, found: Digest, log: Log | undefined): void {
  if (found.bytes === stored.bytes && found.sha256 === stored.sha256) return
  const error = new StoreError('Damaged', `${found.bytes} bytes were read that are not the ${stored.bytes} written`)
  log?.error('a blob is damaged; restore it from a backup', { blob: key, error })
  throw error
}

/**
 * Verifies the hash while the body passes. The last piece is held back until it is known, so that a reader who counts the
 * octets notices that a damaged body is not whole.
 */
async function* verified(key: string, stored: Digest, body: AsyncIterable<Uint8Array>, log: Log | undefined) {
  const hash = createHash('sha256')
  let bytes = 0
  let held: Uint8Array | undefined
  for await (const chunk of body) {
    if (held !== undefined) yield held
    held = chunk
    hash.update(chunk)
    bytes += chunk.length
  }
  checkDigest(key, stored, { bytes, sha256: hash.digest('hex') }, log)
  if (held !== undefined) yield held
}
