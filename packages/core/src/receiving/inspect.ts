import { decodeChunks } from '@kabutar/mail/mime/decode.ts'
import { MimeIndexer } from '@kabutar/mail/mime/indexer.ts'
import type { MessageIndex } from '@kabutar/mail/mime/part.ts'
import { PREVIEW_BYTES, preview, previewOf } from '@kabutar/mail/mime/preview.ts'
import { attachmentsOf, readablePart } from '@kabutar/mail/mime/readable.ts'
import type { Detail } from '../mailboxes/detail-text.ts'
import type { Blobs, OpenBlob } from '../ports/blobs.ts'
import { Semaphore } from '../store/semaphore.ts'

/** Messages that one batch has in hand, by their sizes: two of the largest. A Lambda function of 512 MB is enough for them. */
export const inFlightBudget = (signal?: AbortSignal) => new Semaphore(80 * 1024 * 1024, signal)

/** Up to here a message is read once and held. */
const HELD_BYTES = 256 * 1024

/**
 * Reads a raw message: its parts, its first words, the sizes of its attachments. Memory grows with the number of parts,
 * not with their bytes; `inFlight` bounds the bytes of the messages that are being read. Undefined if there is no such
 * blob.
 */
export async function inspect(blobs: Blobs, key: string, inFlight: Semaphore): Promise<Detail | undefined> {
  const open = await blobs.open(key)
  return open && inFlight.use(open.size, () => read(blobs, key, open))
}

async function read(blobs: Blobs, key: string, open: OpenBlob): Promise<Detail> {
  const indexer = new MimeIndexer()
  const held: Uint8Array[] = []
  for await (const chunk of open.body) {
    indexer.push(chunk)
    if (open.size <= HELD_BYTES) held.push(chunk)
  }
  const index = indexer.finish()
  if (open.size > HELD_BYTES) {
    const range = rangesIn(blobs, key)
    return { index, preview: await previewIn(index, range), sizes: await sizesOf(index, range) }
  }
  const raw = held.length === 1 && held[0] ? held[0] : Buffer.concat(held)
  return { index, preview: previewOf(index, raw).toWellFormed(), sizes: await sizesOf(index, rangesOf(raw)) }
}

/** Bytes [from, to) of the message. */
type Range = (from: number, to: number) => AsyncIterable<Uint8Array>

function rangesOf(raw: Uint8Array): Range {
  return async function* (from, to) {
    yield raw.subarray(from, to)
  }
}

/** Bytes [from, to) of a blob; nothing if it is gone. */
export function rangesIn(blobs: Blobs, key: string): Range {
  return async function* (from, to) {
    const part = to > from ? await blobs.open(key, { from, to: to - 1 }) : undefined
    if (part !== undefined) yield* part.body
  }
}

async function previewIn(index: MessageIndex, range: Range): Promise<string> {
  const part = readablePart(index)
  if (part === undefined) return ''
  const chunks: Uint8Array[] = []
  for await (const chunk of range(part.bodyStart, Math.min(part.bodyEnd, part.bodyStart + PREVIEW_BYTES))) {
    chunks.push(chunk)
  }
  return preview(part, Buffer.concat(chunks)).toWellFormed()
}

async function sizesOf(index: MessageIndex, range: Range): Promise<Readonly<Record<string, number>>> {
  const sizes: Record<string, number> = {}
  for (const { id, from, to, encoding } of attachmentsOf(index)) {
    let size = 0
    for await (const chunk of decodeChunks(range(from, to), encoding)) size += chunk.length
    sizes[id] = size
  }
  return sizes
}
