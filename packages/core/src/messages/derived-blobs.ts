/**
 * Copies that are made of a message when a link needs a blob of its own: attachments decoded, for a store that gives out
 * whole blobs only, and bodies too large for an answer. They are removed with their message; one that is made at that
 * very moment ends by the rule of the store, if it has one.
 */
const copyKey = (blobKey: string, name: string) => `parts/${blobKey}/${name}`

/** Of the attachment in bytes [from, to) of a message. */
export function partCopyKey(blobKey: string, { from, to }: { readonly from: number; readonly to: number }): string {
  return copyKey(blobKey, `${from}-${to}`)
}

export type BodyName = 'html' | 'text'

/** Of a body as text in UTF-8. */
export function bodyCopyKey(blobKey: string, name: BodyName): string {
  return copyKey(blobKey, name)
}

export const bodyCopyKeys = (blobKey: string) => [bodyCopyKey(blobKey, 'html'), bodyCopyKey(blobKey, 'text')] as const
