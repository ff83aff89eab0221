import type { parseAddressHeader, simpleParser } from 'mailparser'
import { charsetOf, type IsSupported } from './charset.ts'
import { tidyWords } from './encoded-words.ts'

type Libmime = typeof import('libmime').default

/** mailparser, and the decoder that it uses itself. */
export type Decoders = {
  readonly simpleParser: typeof simpleParser
  readonly parseAddressHeader: typeof parseAddressHeader
  readonly libmime: Libmime
  readonly isSupported: IsSupported
}

/** Loads the decoders. Each reading does, since only a process that reads incoming mail needs them. */
export async function loadDecoders(): Promise<Decoders> {
  const [{ simpleParser, parseAddressHeader }, { default: libmime }] = await Promise.all([
    import('mailparser'),
    import('libmime'),
  ])
  const isSupported = (charset: string) => libmime.createDecodeStream(charset).supported
  return { simpleParser, parseAddressHeader, libmime, isSupported }
}

const EIGHT_BIT = /[\u0080-\u00ff]/

/** Decodes the raw bytes of a header value (one character per byte). Encoded words are rewritten, not yet decoded. */
export function fieldText({ libmime, isSupported }: Decoders, value: string, fallback: string): string {
  const tidy = tidyWords(value, fallback, isSupported)
  if (!EIGHT_BIT.test(tidy)) return tidy
  const { charset, bytes } = charsetOf(Buffer.from(tidy, 'latin1'), '', fallback, isSupported)
  return libmime.decodeWord(charset, 'B', Buffer.from(bytes).toString('base64'))
}

/** Removes line breaks and NUL, which an encoded word may contain, from decoded text. */
export function oneLine(text: string): string {
  return text
    .replace(/[\r\n]+/g, ' ')
    .replaceAll('\0', '\ufffd')
    .toWellFormed()
}
