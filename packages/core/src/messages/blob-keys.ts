/** The keys of the blobs that belong to messages, all of which begin with the account. */

/** An upload, the raw message that came over SMTP or the API, or the content of a sent message. */
export const blobKey = (accountId: string, id: string): string => `${accountId}/${id}`

/** The reading of a received message, where it is too large for a row. */
export const readingBlobKey = (accountId: string, id: string): string => `${accountId}/${id}/reading`

const copyKey = (blob: string, name: string) => `parts/${blob}/${name}`

/**
 * A decoded copy of the attachment in bytes [from, to) of a raw message, made for a link of a store that serves whole
 * blobs only. It is deleted with its message.
 */
export function partCopyKey(blob: string, { from, to }: { readonly from: number; readonly to: number }): string {
  return copyKey(blob, `${from}-${to}`)
}

export type BodyName = 'html' | 'text'

/** A copy of a body in UTF-8, made for the link to a body that is too large for an answer. It is deleted with its message. */
export function bodyCopyKey(blob: string, name: BodyName): string {
  return copyKey(blob, name)
}

/** A copy of a sent message as it is composed, made for a link. It is deleted with its message. */
export const rawCopyKey = (blob: string): string => copyKey(blob, 'raw')

export const bodyCopyKeys = (blob: string) => [bodyCopyKey(blob, 'html'), bodyCopyKey(blob, 'text')] as const
