import { createHash } from 'node:crypto'
import { attachmentsOf } from '@kabutar/mail/mime/readable.ts'
import type { Detail } from '../mailboxes/detail-text.ts'

export type ReceivedAttachment = {
  /** A UUID made of the message's id and the number of the part: the same for ever. */
  readonly id: string
  readonly filename: string | null
  readonly contentType: string
  readonly contentId: string | null
  readonly disposition: string | null
  /** Decoded bytes. */
  readonly size: number
  /** [from, to) of the encoded body in the raw message. */
  readonly from: number
  readonly to: number
  readonly encoding: string
}

const MAX_NAME_LENGTH = 255

/** What people save of a message, in its order; at most 1,000. Names are cut to 255 characters. */
export function receivedAttachments(messageId: string, { index, sizes }: Detail): readonly ReceivedAttachment[] {
  return attachmentsOf(index).map((part) => ({
    id: attachmentId(messageId, part.id),
    filename: part.filename === null ? null : shortened(part.filename),
    contentType: shortened(part.contentType),
    contentId: part.contentId === null ? null : shortened(part.contentId),
    disposition: part.disposition === null ? null : shortened(part.disposition),
    size: sizes[part.id] ?? part.encodedSize,
    from: part.from,
    to: part.to,
    encoding: part.encoding,
  }))
}

/** RFC 9562 section 5.8: UUIDv8, whose bits are ours to choose. */
export function attachmentId(messageId: string, part: string): string {
  const bytes = createHash('sha256').update(`${messageId}/${part}`).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

const shortened = (text: string) => text.slice(0, MAX_NAME_LENGTH).toWellFormed()
