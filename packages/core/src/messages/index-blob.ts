/** Reads raw messages from blobs and makes their index. */
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'
import { MimeIndexer } from '@kabutar/mail/mime/indexer.ts'
import type { MessageIndex } from '@kabutar/mail/mime/part.ts'
import { PREVIEW_BYTES, preview, previewOf } from '@kabutar/mail/mime/preview.ts'
import { attachmentsOf, readablePart } from '@kabutar/mail/mime/readable.ts'
import type { Blobs, OpenBlob } from '../ports/blobs.ts'
import { Semaphore } from '../store/semaphore.ts'
import type { StoredIndex } from './stored-index.ts'

/** Bounds the messages that one batch reads at once, by their sizes: two of the largest fit a function of 512 MB. */
export const inFlightBudget = (signal?: AbortSignal) => new Semaphore(80 * 1024 * 1024, signal)

/** Messages up to this size are read once and held in memory. */
const HELD_BYTES = 256 * 1024

/**
 * Indexes a raw message: its parts, its first words, the sizes of its attachments. Memory grows with the number of parts,
 * not with their bytes; `inFlight` bounds the bytes of the messages that are being read. Undefined if there is no blob.
 */
export async function indexBlob(blobs: Blobs, key: string, inFlight: Semaphore): Promise<StoredIndex | undefined> {
  const open = await blobs.open(key)
  return open && inFlight.use(open.size, () => indexOpen(blobs, key, open))
}

async function indexOpen(blobs: Blobs, key: string, open: OpenBlob): Promise<StoredIndex> {
  const indexer = new MimeIndexer()
  const held: Uint8Array[] = []
  for await (const chunk of open.body) {
    indexer.push(chunk)
    if (open.size <= HELD_BYTES) held.push(chunk)
  }
  const mime = indexer.finish()
  if (open.size > HELD_BYTES) {
    const read: Read = (from, to) => readRange(blobs, key, from, to)
    return { mime, preview: await previewIn(mime, read), attachmentSizes: await sizesOf(mime, read) }
  }
  const raw = held.length === 1 && held[0] ? held[0] : Buffer.concat(held)
  const read: Read = async function* (from, to) {
    yield raw.subarray(from, to)
  }
  return { mime, preview: previewOf(mime, raw).toWellFormed(), attachmentSizes: await sizesOf(mime, read) }
}

/** Bytes [from, to) of the message. */
type Read = (from: number, to: number) => AsyncIterable<Uint8Array>

/** Bytes [from, to) of a blob; nothing if it is gone. */
export async function* readRange(blobs: Blobs, key: string, from: number, to: number): AsyncGenerator<Uint8Array> {
  const part = to > from ? await blobs.open(key, { from, to: to - 1 }) : undefined
  if (part !== undefined) yield* part.body
}

async function previewIn(mime: MessageIndex, read: Read): Promise<string> {
  const part = readablePart(mime)
  if (part === undefined) return ''
  const chunks: Uint8Array[] = []
  for await (const chunk of read(part.bodyStart, Math.min(part.bodyEnd, part.bodyStart + PREVIEW_BYTES))) {
    chunks.push(chunk)
  }
  return preview(part, Buffer.concat(chunks)).toWellFormed()
}

async function sizesOf(mime: MessageIndex, read: Read): Promise<Readonly<Record<string, number>>> {
  const sizes: Record<string, number> = {}
  for (const { id, from, to, encoding } of attachmentsOf(mime)) {
    let size = 0
    for await (const chunk of decodeChunks(read(from, to), encoding)) size += chunk.length
    sizes[id] = size
  }
  return sizes
}
