import { TextDecoder } from 'node:util'
import { decoderOf } from './charsets.ts'

const strict = new TextDecoder('utf-8', { fatal: true })
const windows1252 = new TextDecoder('windows-1252')
/** Names that much software writes without knowing the character set, so the bytes decide. */
const UNSURE = new Set(['', 'us-ascii', 'ascii', 'ansi_x3.4-1968', 'default', 'unknown', 'unknown-8bit', 'x-unknown'])

/** Decodes bytes of a named character set. If it is unknown or missing: UTF-8 if the bytes are valid, else Windows-1252. */
export function decodeBytes(bytes: Uint8Array, charset = ''): string {
  const label = charset.trim().toLowerCase()
  if (UNSURE.has(label)) return guess(bytes)
  return decoderOf(label)?.decode(bytes) ?? guess(bytes)
}

function guess(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return windows1252.decode(bytes)
  }
}

const EIGHT_BIT = /[\u0080-\u00ff]/

/** Decodes a header value that has one character per byte: UTF-8 (RFC 6532), or else Windows-1252. */
export function textOf(byteString: string): string {
  return EIGHT_BIT.test(byteString) ? guess(Buffer.from(byteString, 'latin1')) : byteString
}

const WORD = /=\?([^?\s]{1,75})\?([bq])\?([^?]*)\?=/gi

/** Decodes the encoded words of a header value (RFC 2047) and removes white space between two of them. Never throws. */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  let out = ''
  let end = 0
  let run: Run | undefined
  for (const match of text.matchAll(WORD)) {
    const between = text.slice(end, match.index)
    const charset = match[1]!.replace(/\*.*$/, '').toLowerCase()
    const bytes = wordBytes(match[2]!, match[3]!)
    end = match.index + match[0].length
    // Words may split a character, though RFC 2047 section 5 forbids it.
    if (run !== undefined && /^\s*$/.test(between) && run.charset === charset) {
      run.bytes.push(bytes)
      continue
    }
    out += decodeRun(run) + (run !== undefined && /^\s*$/.test(between) ? '' : between)
    run = { charset, bytes: [bytes] }
  }
  return out + decodeRun(run) + text.slice(end)
}

type Run = { readonly charset: string; readonly bytes: Uint8Array[] }

function decodeRun(run: Run | undefined): string {
  return run === undefined ? '' : decodeBytes(Buffer.concat(run.bytes), run.charset)
}

function wordBytes(encoding: string, content: string): Uint8Array {
  if (encoding === 'b' || encoding === 'B') return Buffer.from(content, 'base64')
  return percentBytes(content.replaceAll('_', ' '), '=')
}

/** Bytes of text in which `mark` and two hexadecimal digits stand for one byte. */
export function percentBytes(text: string, mark: '=' | '%'): Uint8Array {
  const pattern = mark === '=' ? /=([0-9a-f]{2})/gi : /%([0-9a-f]{2})/gi
  const latin1 = Buffer.from(text, 'utf8').toString('latin1')
  return Buffer.from(
    latin1.replace(pattern, (_: string, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}
