/**
 * Decodes one piece of a message: its header, a text, or a file name. It is a pure function of bytes and of what the index
 * says of them, and answers JSON, so it can run anywhere. mailparser and libmime, which is mailparser's decoder of words
 * and parameters, are loaded at the first call, so only the process that reads incoming mail loads them.
 */
import { MAX_FLOWED_BYTES, MAX_LINES } from '../limits.ts'
import { decodePart } from '../mime/decode.ts'
import { charsetOf, isUnsure, metaCharset } from './charset.ts'
import { type FilenameHead, readFilename } from './filename.ts'
import { type HeaderReading, readHeader } from './header.ts'
import { type Decoders, loadDecoders } from './mailparser.ts'

/** The facts of a piece from the index. `fallback`: the character set that the message names elsewhere, or empty. */
export type LeafHead = HeaderHead | FilenameHead | TextHead
type HeaderHead = { readonly kind: 'header'; readonly fallback: string }
type TextHead = {
  readonly kind: 'plain' | 'html'
  readonly fallback: string
  /** Content-Transfer-Encoding. */
  readonly encoding: string
  readonly charset: string
  /** The bytes are the beginning of a longer text. */
  readonly isCut: boolean
  /** RFC 3676 section 4: soft line breaks are removed; with `deleteSpaces` (DelSp), the blank before each too. */
  readonly flowed: boolean
  readonly deleteSpaces: boolean
}

type TextReading = {
  readonly text: string
  /** True if lines above the limit are left out. */
  readonly truncated: boolean
}

/** The answers of `readLeaf` for a piece of each kind; plain JSON. */
export type LeafReading<Head extends LeafHead> = Head extends HeaderHead
  ? HeaderReading
  : Head extends FilenameHead
    ? string | null
    : TextReading

/** Decodes a piece, in this thread or another. A file name needs no bytes. Undefined if the piece can't be decoded. */
export type LeafReader = <Head extends LeafHead>(
  head: Head,
  bytes: Uint8Array,
) => Promise<LeafReading<Head> | undefined>

/** Decodes a piece in this thread. Undefined if mailparser throws. */
export const readLeaf: LeafReader = async <Head extends LeafHead>(head: Head, bytes: Uint8Array) => {
  const decoders = await loadDecoders()
  const read = async (): Promise<HeaderReading | TextReading | string | null> => {
    if (head.kind === 'header') return readHeader(decoders, bytes, head.fallback)
    if (head.kind === 'filename') return readFilename(decoders, head)
    return readText(decoders, head, bytes)
  }
  try {
    return (await read()) as LeafReading<Head>
  } catch {
    return undefined
  }
}

const LF = 0x0a

/** Texts are only decoded: nothing is converted, linked or inlined. */
const OPTIONS = {
  skipHtmlToText: true,
  skipTextToHtml: true,
  skipTextLinks: true,
  skipImageLinks: true,
  keepCidLinks: true,
} as const

async function readText(decoders: Decoders, head: TextHead, encoded: Uint8Array): Promise<TextReading> {
  const { kind, deleteSpaces, fallback } = head
  const whole = decodePart(encoded, head.encoding)
  const decoded = firstLines(head.isCut ? wholeCharacters(whole) : whole)
  const label = kind === 'html' && isUnsure(head.charset) ? metaCharset(decoded) : head.charset
  const { charset, bytes } = charsetOf(decoded, label, fallback, decoders.isSupported)
  const flowed = kind === 'plain' && head.flowed && bytes.length <= MAX_FLOWED_BYTES
  const format = flowed ? `; format=flowed${deleteSpaces ? '; delsp=yes' : ''}` : ''
  const made = `Content-Type: text/${kind}; charset="${charset}"${format}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`
  const mail = await decoders.simpleParser(Buffer.concat([Buffer.from(made), bytes]), OPTIONS)
  const text = (kind === 'html' ? mail.html : mail.text) || ''
  // mailparser drops the last line break of a flowed text.
  const complete = flowed && bytes.at(-1) === LF && text !== '' ? `${text}\n` : text
  return { text: legible(complete.replace(/^\ufeff/, '')), truncated: decoded.length < whole.length }
}

function firstLines(bytes: Uint8Array): Uint8Array {
  let lines = 0
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (++lines === MAX_LINES) return bytes.subarray(0, at + 1)
  }
  return bytes
}

/** Replaces what databases refuse in text by U+FFFD: NUL and lone surrogates. */
function legible(text: string): string {
  return text.replaceAll('\0', '\ufffd').toWellFormed()
}

/** Drops the last character of UTF-8, which may be cut: with half a character the bytes would not pass for UTF-8. */
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > 0 && bytes.length - end < 3 && (bytes[end - 1]! & 0xc0) === 0x80) end--
  return end > 0 && bytes[end - 1]! >= 0xc0 ? bytes.subarray(0, end - 1) : bytes
}
