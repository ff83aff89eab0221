/**
 * Large immutable bytes. A key is `<account>/<id>`, or `inbound/<SES's id>` for what SES wrote itself; it is never shared
 * between accounts, and the same key always means the same bytes: a second put of a key is a repetition. Put is durable
 * when it resolves and leaves nothing when it throws. The memory of a body's chunk may be used again, or be gone, once the
 * next is asked for.
 */
export type BlobBody = Uint8Array | AsyncIterable<Uint8Array>
/** First and last byte, both inclusive, as in RFC 9110 section 14.1.2. */
export type ByteRange = { readonly from: number; readonly to: number }
/** Bytes [from, to) of a blob, and the Content-Transfer-Encoding to undo. */
export type BlobPart = { readonly from: number; readonly to: number; readonly encoding: string }
export type OpenBlob = {
  /** Of the whole blob, also when a range was asked for. */
  readonly size: number
  readonly body: AsyncIterable<Uint8Array>
}
export type LinkOptions = {
  readonly expiresInSeconds: number
  readonly filename: string
  readonly contentType: string
}
export type UploadOptions = {
  /** The size of the body, neither more nor less: S3 cannot hold a link to a bound, only to a Content-Length. */
  readonly bytes: number
  readonly expiresInSeconds: number
}

export interface Blobs {
  /** @throws {StoreError} `TooLarge` past `maxBytes`, `Invalid` for a key of another form, `Unavailable` */
  put(key: string, body: BlobBody, options: { readonly maxBytes: number }): Promise<void>
  get(key: string): Promise<Uint8Array | undefined>
  /** At most 256 KB are held before `body` is read; one that is never read costs no more. A range is cut to the blob's end. */
  open(key: string, range?: ByteRange): Promise<OpenBlob | undefined>
  /** Missing keys are no error. */
  delete(keys: readonly string[]): Promise<void>
  /** A URL that needs no key until it expires; always an attachment (`Content-Disposition`) and `nosniff`. */
  link(key: string, options: LinkOptions): Promise<URL>
  /** A URL that takes the body by PUT with its Content-Length, without a key, until it expires; 200: the blob is durable. */
  uploadLink(key: string, options: UploadOptions): Promise<URL>
}
