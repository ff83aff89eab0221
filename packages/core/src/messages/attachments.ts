import { attachmentsOf } from '@kabutar/mail/mime/readable.ts'
import { derivedUuid, timeOf } from '../ports/ids.ts'
import type { ReceivedAttachment } from './message.ts'
import type { StoredIndex } from './stored-index.ts'

const MAX_NAME_LENGTH = 255

/** The attachments in the order of the message, at most 1,000. Names are cut to 255 characters. */
export function receivedAttachments(
  messageId: string,
  { mime, attachmentSizes }: StoredIndex,
): readonly ReceivedAttachment[] {
  return attachmentsOf(mime).map((part) => ({
    id: attachmentId(messageId, part.id),
    filename: part.filename === null ? null : shortened(part.filename),
    contentType: shortened(part.contentType),
    contentId: part.contentId === null ? null : shortened(part.contentId),
    disposition: part.disposition === null ? null : shortened(part.disposition),
    size: attachmentSizes[part.id] ?? part.encodedSize,
    from: part.from,
    to: part.to,
    encoding: part.encoding,
  }))
}

const attachmentId = (messageId: string, part: string) => derivedUuid(timeOf(messageId), messageId, part)
const shortened = (text: string) => text.slice(0, MAX_NAME_LENGTH).toWellFormed()
