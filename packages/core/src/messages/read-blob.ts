/** Reads raw messages from blobs: where their parts are, and what people are shown of them. */
import { MimeIndexer } from '@kabutar/mail/mime/indexer.ts'
import { type Range, readMessage } from '@kabutar/mail/read/message.ts'
import type { Blobs, OpenBlob } from '../ports/blobs.ts'
import type { ComputePorts } from '../ports/compute.ts'
import { type MemoryPorts, whileReading } from './memory.ts'
import { readingSteps } from './reading-jobs.ts'
import { readRange } from './received.ts'
import { type StoredReading, UNREAD } from './stored-reading.ts'

/** `size`: the octets of the message. */
export type BlobReading = { readonly size: number; readonly stored: StoredReading }

/** The beginning of a message is held in memory; texts and attachments after it are read by range. */
const HELD_BYTES = 256 * 1024

export type ReadBlobPorts = MemoryPorts & ComputePorts & { readonly blobs: Blobs; readonly signal: AbortSignal }

/**
 * Reads a raw message once and hands it to `use`. Memory grows with its largest text, not with its attachments or parts; it
 * is counted until `use` has ended. `missing` if there is no blob; `too_large`, without reading it, above `maxBytes`.
 */
export async function withReading<T>(
  ports: ReadBlobPorts,
  key: string,
  use: (reading: BlobReading) => Promise<T>,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<T | 'too_large' | 'missing'> {
  const open = await ports.blobs.open(key)
  if (open === undefined) return 'missing'
  if (open.size > maxBytes) return 'too_large'
  return whileReading(ports, open.size, async () => use(await readOpen(ports, key, open)))
}

/** Answers as `readBlob` for a message that must not be read: of its octets it asks the number alone. */
export async function countBlob(blobs: Blobs, key: string): Promise<BlobReading | undefined> {
  const open = await blobs.open(key)
  if (open === undefined) return undefined
  return { size: open.size, stored: UNREAD }
}

async function readOpen({ blobs, compute }: ReadBlobPorts, key: string, open: OpenBlob): Promise<BlobReading> {
  const indexer = new MimeIndexer()
  const held = Buffer.allocUnsafe(Math.min(open.size, HELD_BYTES))
  let at = 0
  for await (const chunk of open.body) {
    indexer.push(chunk)
    if (at < held.length) held.set(chunk.subarray(0, held.length - at), at)
    at += chunk.length
  }
  const mime = indexer.finish()
  const range: Range = async function* (from, to) {
    if (to <= held.length) yield held.subarray(from, to)
    else yield* readRange(blobs, key, from, to)
  }
  return { size: mime.size, stored: { mime, reading: await readMessage(mime, range, readingSteps(compute)) } }
}
