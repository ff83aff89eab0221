/** Reads a message for people who look at it: its octets, its parts and what they say, the same for both directions. */
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'
import type { Part } from '@kabutar/mail/mime/part.ts'
import type { Range, Reading } from '@kabutar/mail/read/message.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Table } from '../ports/table.ts'
import { blobKey, partCopyKey, rawCopyKey } from './blob-keys.ts'
import type { ReceivedAttachment, ReceivedMessage } from './message.ts'
import { readRange, receivedAttachments } from './received.ts'
import { readSent } from './rows.ts'
import { contentGone, getReading, type ReadingPorts } from './stored-reading.ts'

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

type CopyPorts = { readonly table: Table; readonly blobs: Blobs }
const MAX_COPY_BYTES = 80 * 1024 * 1024

/** Stores a sent message as it is composed, for a link. The copy is deleted with its message. Answers its key. */
export async function copyRaw(ports: CopyPorts, accountId: string, { id, size, range }: Inspected): Promise<string> {
  const key = rawCopyKey(blobKey(accountId, id))
  if (!(await isThere(ports.blobs, key))) await ports.blobs.put(key, range(0, size), { maxBytes: MAX_COPY_BYTES })
  await keepCopies(ports, accountId, id, [key])
  return key
}

/** Stores a decoded attachment of a sent message, for a link. The copy is deleted with its message. Answers its key. */
export async function copyAttachment(
  ports: CopyPorts,
  accountId: string,
  { id, range }: Inspected,
  part: ReceivedAttachment,
): Promise<string> {
  const key = partCopyKey(blobKey(accountId, id), part)
  if (!(await isThere(ports.blobs, key))) {
    await ports.blobs.put(key, decodeChunks(range(part.from, part.to), part.encoding), { maxBytes: MAX_COPY_BYTES })
  }
  await keepCopies(ports, accountId, id, [key])
  return key
}

/**
 * Deletes copies that were just made if their content was deleted meanwhile: its deletion may have looked for them
 * before they were there. @throws {MailError} `not_found` in that case
 */
export async function keepCopies(
  { table, blobs }: CopyPorts,
  accountId: string,
  id: string,
  keys: readonly string[],
): Promise<void> {
  const message = await readSent(table, accountId, id)
  const expiredAt = message?.expiredAt
  if (message !== undefined && message.content.place !== 'deleted' && expiredAt === undefined) return
  await blobs.delete(keys)
  throw contentGone(expiredAt)
}

const isThere = async (blobs: Blobs, key: string) => (await blobs.open(key, { from: 0, to: 0 })) !== undefined
