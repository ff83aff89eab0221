import { attachmentsOf } from '@kabutar/mail/mime/readable.ts'
import type { Detail } from '../mailboxes/detail-text.ts'
import { derivedUuid, timeOf } from '../ports/ids.ts'

export type ReceivedAttachment = {
  /** Follows from the message's id and the number of the part, so it never changes. */
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

/** The id of a part of a received message. */
export const attachmentId = (messageId: string, part: string): string => derivedUuid(timeOf(messageId), messageId, part)

const shortened = (text: string) => text.slice(0, MAX_NAME_LENGTH).toWellFormed()
