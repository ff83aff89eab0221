import { decodePart } from '../mime/decode.ts'
import { charsetOf, type IsSupported } from './charset.ts'

/** An encoded word (RFC 2047 section 2). Some senders leave question marks in it unencoded. */
const WORD = /=\?([^?\s]{1,75})\?([bq])\?((?:(?!=\?(?!=))(?:[^?]|\?(?!=)))*)\?=/gi

type Run = { readonly charset: string; readonly encoding: string; content: string }

/**
 * Rewrites the encoded words of a header value (one character per byte) in base64, under a character set that mailparser
 * has. So each word is one token of address syntax, whatever it contains. Neighbours with the same set and encoding become
 * one word, because many senders cut a character or a base64 group in two (RFC 2047 section 5 forbids it).
 */
export function tidyWords(value: string, fallback: string, isSupported: IsSupported): string {
  if (!value.includes('=?')) return value
  let out = ''
  let end = 0
  let run: Run | undefined
  const flush = () => {
    if (run !== undefined) out += wordOf(run, fallback, isSupported)
  }
  for (const match of value.matchAll(WORD)) {
    const between = value.slice(end, match.index)
    const [whole, label, mark, content] = match as unknown as [string, string, string, string]
    const [charset, encoding] = [label.replace(/\*.*$/, '').toLowerCase(), mark.toLowerCase()]
    end = match.index + whole.length
    const isNext = run !== undefined && /^\s*$/.test(between)
    if (run !== undefined && isNext && run.charset === charset && run.encoding === encoding) {
      run.content += content
      continue
    }
    flush()
    out += between
    run = { charset, encoding, content }
  }
  flush()
  return out + value.slice(end)
}

function wordOf({ charset: label, encoding, content }: Run, fallback: string, isSupported: IsSupported): string {
  const raw = Buffer.from(encoding === 'q' ? quotedPrintable(content) : content, 'latin1')
  const decoded = decodePart(raw, encoding === 'q' ? 'quoted-printable' : 'base64')
  const { charset, bytes } = charsetOf(decoded, label, fallback, isSupported)
  return `=?${charset}?B?${Buffer.from(bytes).toString('base64')}?=`
}

/** Turns the Q encoding (RFC 2047 section 4.2) into that of bodies, where a blank at the end would be lost. */
function quotedPrintable(content: string): string {
  const whole = content.replace(/=\s+([0-9a-f])/gi, '=$1').replace(/[_\s]/g, '=20')
  return whole.replace(/=(?![0-9a-f]{2})/gi, '=3D')
}
