/** Makes the keys of the blobs that belong to messages, all of which begin with the account. */
import type { Message } from './message.ts'

/** An upload, the raw message that came over SMTP or the API, or the content of a sent message. */
export const blobKey = (accountId: string, id: string): string => `${accountId}/${id}`

/** The reading of a received message, where it is too large for a row. */
export const readingBlobKey = (accountId: string, id: string): string => `${accountId}/${id}/reading`

/** Answers the blob that the copies of a message are named after, whether it exists or not. */
export const contentBlobKey = (message: Message): string =>
  message.direction === 'sent' ? blobKey(message.accountId, message.id) : message.content.blob

const copyKey = (blob: string, name: string) => `parts/${blob}/${name}`

/**
 * A decoded copy of the attachment in bytes [from, to) of a received message, made for a link of a store that serves whole
 * blobs only. It is deleted with its message, whose reading names all places.
 */
export function partCopyKey(blob: string, { from, to }: { readonly from: number; readonly to: number }): string {
  return copyKey(blob, `${from}-${to}`)
}

/** A decoded copy of the `index`th attachment of a sent message, made for a link. It is deleted with its message. */
export const attachmentCopyKey = (blob: string, index: number): string => copyKey(blob, `attachment-${index}`)

/**
 * The keys of all copies of attachments that there can be. The row counts the files, with its content or without; a reader
 * may list the two bodies among them.
 */
export const attachmentCopyKeys = (blob: string, files: number): readonly string[] =>
  Array.from({ length: files + 2 }, (_, index) => attachmentCopyKey(blob, index))

export type BodyName = 'html' | 'text'

/** A copy of a body in UTF-8, made for the link to a body that is too large for an answer. It is deleted with its message. */
export function bodyCopyKey(blob: string, name: BodyName): string {
  return copyKey(blob, name)
}

/** A copy of a sent message as it is composed, made for a link. It is deleted with its message. */
export const rawCopyKey = (blob: string): string => copyKey(blob, 'raw')

export const bodyCopyKeys = (blob: string) => [bodyCopyKey(blob, 'html'), bodyCopyKey(blob, 'text')] as const
