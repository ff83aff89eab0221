/**
 * Stores large immutable bytes. A key is `<account>/<id>`, or `inbound/<SES's id>` for what SES wrote itself. Accounts never
 * share a key, and a key always means the same bytes: a second put of a key is a repetition. A put is durable when it
 * resolves and leaves nothing when it throws. The chunks of a body belong to the reader, which may keep them.
 */
export type BlobBody = Uint8Array | AsyncIterable<Uint8Array>
/** First and last byte, both inclusive, as in RFC 9110 section 14.1.2. */
export type ByteRange = { readonly from: number; readonly to: number }
/** Bytes [from, to) of a blob, and the Content-Transfer-Encoding to undo. */
export type BlobPart = { readonly from: number; readonly to: number; readonly encoding: string }
export type OpenBlob = {
  /** The size of the whole blob, also when a range was asked for. */
  readonly size: number
  readonly body: AsyncIterable<Uint8Array>
}
export type LinkOptions = {
  readonly expiresInSeconds: number
  readonly filename: string
  readonly contentType: string
}
export type UploadOptions = {
  /** The exact size of the body: S3 can hold a link to a Content-Length, and not to a bound. */
  readonly bytes: number
  readonly expiresInSeconds: number
}

export interface Blobs {
  /** @throws {StoreError} `TooLarge` past `maxBytes`, `Invalid` for a key of another form, `Unavailable` */
  put(key: string, body: BlobBody, options: { readonly maxBytes: number }): Promise<void>
  /** @throws {StoreError} `Damaged`: what is read whole, here or by `open`, is verified */
  get(key: string): Promise<Uint8Array | undefined>
  /** Holds at most 256 KB before `body` is read, and no more if it never is. A range is cut to the blob's end. */
  open(key: string, range?: ByteRange): Promise<OpenBlob | undefined>
  /** Missing keys are no error. */
  delete(keys: readonly string[]): Promise<void>
  /** A URL that downloads the blob without a key until it expires, as an attachment (`Content-Disposition`) with `nosniff`. */
  link(key: string, options: LinkOptions): Promise<URL>
  /**
   * A URL that takes one body by PUT with its Content-Length and `If-None-Match: *` (RFC 9110 section 13.1.2), without a key,
   * until it expires. 200 means that the blob is durable.
   */
  uploadLink(key: string, options: UploadOptions): Promise<URL>
}
