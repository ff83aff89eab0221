import type { ByteRange, LinkOptions, UploadOptions } from './blobs.ts'
import { StoreError } from './table.ts'

const BLOB_RULES = {
  maxKeyLength: 512,
  /** 7 days, as S3 allows. */
  maxLinkSeconds: 604_800,
} as const

/** `<account>/<id>`, or up to two parts more. Each part begins with a letter or digit, so none is `.` or `..`. */
const KEY = /^[A-Za-z0-9][A-Za-z0-9._=-]*(?:\/[A-Za-z0-9][A-Za-z0-9._=-]*){1,3}$/

/** @throws {StoreError} `Invalid` for a key of the wrong form */
export function checkBlobKey(key: string): void {
  if (key.length > BLOB_RULES.maxKeyLength || !KEY.test(key))
    throw new StoreError('Invalid', 'a blob key has the wrong form')
}

/** @throws {StoreError} `Invalid` unless both ends are whole numbers from 0 */
export function checkRange({ from, to }: ByteRange): void {
  if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && to >= 0)) {
    throw new StoreError('Invalid', `a range of bytes from ${from} to ${to} is not valid`)
  }
}

/** @throws {StoreError} `Invalid` for a link that is valid for less than a second or more than 7 days */
export function checkLink(key: string, { expiresInSeconds }: LinkOptions): void {
  checkBlobKey(key)
  if (!(expiresInSeconds >= 1 && expiresInSeconds <= BLOB_RULES.maxLinkSeconds)) {
    throw new StoreError('Invalid', `a link for ${expiresInSeconds} seconds is too short or too long`)
  }
}

/** @throws {StoreError} `Invalid` for an upload of nothing, or a link as `checkLink` refuses it */
export function checkUpload(key: string, { bytes, expiresInSeconds }: UploadOptions): void {
  checkLink(key, { expiresInSeconds, filename: '', contentType: '' })
  if (!(Number.isSafeInteger(bytes) && bytes >= 1))
    throw new StoreError('Invalid', `an upload of ${bytes} bytes is not valid`)
}

/** The Content-Disposition of a download, with the name in both forms of RFC 6266 section 4.3; no control characters. */
export function attachmentDisposition(filename: string): string {
  const name = filename.toWellFormed().replace(/\p{Cc}/gu, '')
  const plain = name.replace(/[^\x20-\x7E]/g, '_').replace(/["\\%]/g, '_')
  const encoded = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`
}
