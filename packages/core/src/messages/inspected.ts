/** Reads a message for people who look at it: its octets, its parts and what they say, the same for both directions. */
import type { Part } from '@kabutar/mail/mime/part.ts'
import type { Range, Reading } from '@kabutar/mail/read/message.ts'
import type { ReceivedAttachment, ReceivedMessage } from './message.ts'
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
