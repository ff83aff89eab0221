import { isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'

const EIGHT_BIT = /[\u0080-\u00ff]/

/**
 * Decodes a header value that was read with one character per byte: as UTF-8 (RFC 6532) if it is valid, else as
 * Windows-1252. The index uses it for what IMAP shows; what people read is decoded in read/.
 */
export function textOf(byteString: string): string {
  if (!EIGHT_BIT.test(byteString)) return byteString
  const bytes = Buffer.from(byteString, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : new TextDecoder('windows-1252').decode(bytes)
}
