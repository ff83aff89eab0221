import { isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import { type Encoded, fromSevenBit } from './seven-bit.ts'

/** Labels of software that does not know the character set. The bytes decide then. */
const UNSURE = new Set(['', 'us-ascii', 'ascii', 'ansi_x3.4-1968', 'default', 'unknown', 'unknown-8bit', 'x-unknown'])
/** Labels that occur in mail and are not in the Encoding Standard. */
const ALIASES: Readonly<Record<string, string>> = {
  '50220': 'iso-2022-jp',
  '50221': 'iso-2022-jp',
  '51932': 'euc-jp',
  '65001': 'utf-8',
  latin9: 'iso-8859-15',
  utf16: 'utf-16',
  uhc: 'euc-kr',
}
/** Labels that mailparser gets as they are: it finds the byte order of UTF-16, and has all of Big5-HKSCS. */
const AS_LABELLED = new Set(['utf-16', 'big5-hkscs'])
/** Sets whose label UTF-8 is often sent under. Its bytes make no words in these sets, so the label must be wrong. */
const LATIN = new Set(['windows-1252', 'iso-8859-15'])

/** Tells whether mailparser decodes a character set of this name. */
export type IsSupported = (charset: string) => boolean

/**
 * Chooses the character set that bytes are decoded from. Where mailparser lacks the set, the bytes are changed to another.
 * The label decides, unless the bytes begin with a byte order mark, or are UTF-8 under a Latin label. Bytes without a
 * usable label are UTF-8 if they are valid, else in `fallback`, which the message names elsewhere, else in Windows-1252.
 */
export function charsetOf(bytes: Uint8Array, label: string, fallback: string, isSupported: IsSupported): Encoded {
  const mark = byteOrderMark(bytes)
  if (mark !== undefined) return { charset: mark, bytes }
  const named = label.trim().toLowerCase()
  const sevenBit = fromSevenBit(named, bytes)
  if (sevenBit !== undefined) return sevenBit
  const charset = canonical(named)
  if (!UNSURE.has(charset) && isSupported(charset) && !(LATIN.has(charset) && isMultibyte(bytes))) {
    return { charset, bytes }
  }
  if (isUtf8(bytes)) return { charset: 'utf-8', bytes }
  const other = canonical(fallback.trim().toLowerCase())
  const usable = !UNSURE.has(other) && other !== 'utf-8' && isSupported(other)
  return { charset: usable ? other : 'windows-1252', bytes }
}

/** Tells whether a label leaves the character set open. */
export function isUnsure(label: string): boolean {
  return UNSURE.has(label.trim().toLowerCase())
}

/** Tells whether a label names a set other than UTF-8 and ASCII, so that unlabelled bytes may be in it too. */
export function namesCharset(label: string): boolean {
  const charset = canonical(label.trim().toLowerCase())
  return !UNSURE.has(charset) && charset !== 'utf-8'
}

function byteOrderMark([first, second, third]: Uint8Array): string | undefined {
  if ((first === 0xfe && second === 0xff) || (first === 0xff && second === 0xfe)) return 'utf-16'
  return first === 0xef && second === 0xbb && third === 0xbf ? 'utf-8' : undefined
}

function isMultibyte(bytes: Uint8Array): boolean {
  return isUtf8(bytes) && bytes.some((byte) => byte >= 0x80)
}

/** Answers mailparser's name of a set, with what Windows added: Latin-1 is Windows-1252, GB 2312 is GB 18030. */
function canonical(label: string): string {
  if (UNSURE.has(label) || AS_LABELLED.has(label)) return label
  const plain = label.replace(/^x-/, '')
  const name = standard(label) ?? standard(plain) ?? ALIASES[plain.replace(/[^a-z0-9]|^(cp|windows|ms)/g, '')] ?? label
  return name === 'gbk' || /^(windows-|cp|ms)936$/.test(name) ? 'gb18030' : name
}

function standard(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}

/** Browsers look for the element in this many bytes (WHATWG HTML section 13.2.3.2). */
const PRESCAN_BYTES = 1024
const META = /<meta\b[^>]{0,500}?\bcharset\s*=\s*["']?\s*([\w.:-]{1,40})/i

/** Answers the character set that HTML names itself; empty if it names none, or one that its own bytes rule out. */
export function metaCharset(html: Uint8Array): string {
  const begin = Buffer.from(html.subarray(0, PRESCAN_BYTES)).toString('latin1')
  const label = META.exec(begin)?.[1] ?? ''
  return namesCharset(label) && !/^(utf|ucs)-?(16|32)/i.test(label) ? label : ''
}
