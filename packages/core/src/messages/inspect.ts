/** Reads a message for people who look at it: its octets, its parts and what they say, the same for both directions. */
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'
import type { Part } from '@kabutar/mail/mime/part.ts'
import { type Range, type Reading, readMessage } from '@kabutar/mail/read/message.ts'
import { MailError } from '../errors.ts'
import type { Blobs } from '../ports/blobs.ts'
import { blobKey, partCopyKey, rawCopyKey } from './blob-keys.ts'
import { composeMessage } from './compose-message.ts'
import { type ContentPorts, getContent } from './content.ts'
import type { ReceivedAttachment, ReceivedMessage, SentMessage } from './message.ts'
import { INDEX_MESSAGE, readingSteps } from './reading-jobs.ts'
import { readRange, receivedAttachments } from './received.ts'
import { getReading, type ReadingPorts } from './stored-reading.ts'

export type Inspected = {
  readonly id: string
  readonly size: number
  readonly reading: Reading
  /** The outermost part; null for a message that could not be read. */
  readonly root: Part | null
  readonly attachments: readonly ReceivedAttachment[]
  /** Reads bytes [from, to) of the raw message. */
  readonly range: Range
}

/** Composes a sent message as its recipients got it, without a relay's signature. @throws {MailError} `not_found` once its content was deleted */
export async function inspectSent(ports: ContentPorts, message: SentMessage): Promise<Inspected> {
  const content = await getContent(ports, message)
  if (content === undefined) throw new MailError('not_found', 'The content of the email was deleted.')
  const raw = await composeMessage(ports.compute, message, content)
  const range: Range = async function* (from, to) {
    yield raw.subarray(from, to)
  }
  const index = await ports.compute.run(INDEX_MESSAGE, raw, raw.byteLength)
  const reading = await readMessage(index, range, readingSteps(ports.compute))
  const attachments = receivedAttachments(message.id, reading)
  return { id: message.id, size: raw.byteLength, reading, root: index.root, attachments, range }
}

/** @throws {MailError} `unavailable` */
export async function inspectReceived(ports: ReadingPorts, received: ReceivedMessage): Promise<Inspected> {
  const { mime, reading } = await getReading(ports, received)
  const { blob } = received.content
  return {
    id: received.id,
    size: received.size,
    reading,
    root: mime?.root ?? null,
    attachments: receivedAttachments(received.id, reading),
    range: (from, to) => readRange(ports.blobs, blob, from, to),
  }
}

const MAX_COPY_BYTES = 80 * 1024 * 1024

/** Stores a sent message as it is composed, for a link. The copy is deleted with its message. Answers its key. */
export async function copyRaw(blobs: Blobs, accountId: string, { id, size, range }: Inspected): Promise<string> {
  const key = rawCopyKey(blobKey(accountId, id))
  if (!(await isThere(blobs, key))) await blobs.put(key, range(0, size), { maxBytes: MAX_COPY_BYTES })
  return key
}

/** Stores a decoded attachment of a sent message, for a link. The copy is deleted with its message. Answers its key. */
export async function copyAttachment(
  blobs: Blobs,
  accountId: string,
  { id, range }: Inspected,
  part: ReceivedAttachment,
): Promise<string> {
  const key = partCopyKey(blobKey(accountId, id), part)
  if (!(await isThere(blobs, key))) {
    await blobs.put(key, decodeChunks(range(part.from, part.to), part.encoding), { maxBytes: MAX_COPY_BYTES })
  }
  return key
}

const isThere = async (blobs: Blobs, key: string) => (await blobs.open(key, { from: 0, to: 0 })) !== undefined
