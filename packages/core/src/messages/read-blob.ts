/** Reads raw messages from blobs: where their parts are, and what people are shown of them. */
import { MimeIndexer } from '@kabutar/mail/mime/indexer.ts'
import { type Range, readMessage } from '@kabutar/mail/read/message.ts'
import type { Blobs, OpenBlob } from '../ports/blobs.ts'
import { Semaphore } from '../store/semaphore.ts'
import { readRange } from './received.ts'
import { type StoredReading, UNREAD } from './stored-reading.ts'

/** `size`: the octets of the message. */
type BlobReading = { readonly size: number; readonly stored: StoredReading }

const MAX_MESSAGE_BYTES = 40 * 1024 * 1024
/** Bounds the messages that one batch reads at once: two of the largest fit a function of 512 MB. */
export const inFlightBudget = (signal?: AbortSignal) => new Semaphore(2 * MAX_MESSAGE_BYTES, signal)
/** A text takes several times its bytes while it is decoded. */
const TEXT_FACTOR = 4

/** The beginning of a message is held in memory; texts and attachments after it are read by range. */
const HELD_BYTES = 256 * 1024

/**
 * Reads a raw message once. Memory grows with its parts and with its largest text, not with its attachments; `inFlight`
 * bounds the messages that are read at the same time. Undefined if there is no blob.
 */
export async function readBlob(blobs: Blobs, key: string, inFlight: Semaphore): Promise<BlobReading | undefined> {
  const open = await blobs.open(key)
  if (open === undefined) return undefined
  return inFlight.use(Math.min(TEXT_FACTOR * open.size, MAX_MESSAGE_BYTES), () => readOpen(blobs, key, open))
}

/** Answers as `readBlob` for a message that must not be read: of its octets it asks the number alone. */
export async function countBlob(blobs: Blobs, key: string): Promise<BlobReading | undefined> {
  const open = await blobs.open(key)
  if (open === undefined) return undefined
  return { size: open.size, stored: UNREAD }
}

async function readOpen(blobs: Blobs, key: string, open: OpenBlob): Promise<BlobReading> {
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
  return { size: mime.size, stored: { mime, reading: await readMessage(mime, range) } }
}
