/**
 * Where a decoded copy of an attachment lies, for a store that gives out whole blobs only. It is made when a link is
 * asked for, and removed with its message; one whose link was asked for at that very moment ends by the store's own rule.
 */
export function partCopyKey(blobKey: string, { from, to }: { readonly from: number; readonly to: number }): string {
  return `parts/${blobKey}/${from}-${to}`
}
