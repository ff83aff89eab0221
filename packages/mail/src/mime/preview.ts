import { htmlToText } from '../html-to-text.ts'
import { decodePart } from './decode.ts'
import type { MessageIndex, Part } from './part.ts'
import { charsetOf, readablePart } from './readable.ts'
import { decodeBytes } from './words.ts'

/** RFC 8970 section 3.1. */
const MAX_PREVIEW_LENGTH = 200
/** Bytes of the body that a preview is made from: style sheets come before the text. */
export const PREVIEW_BYTES = 64 * 1024

/** Returns the beginning of the readable text on one line, at most 200 characters; empty if there is no text. */
export function previewOf(index: MessageIndex, raw: Uint8Array): string {
  const part = readablePart(index)
  return part === undefined ? '' : preview(part, raw.subarray(part.bodyStart, part.bodyEnd))
}

/** Does the same for a part whose body was read by range; the first `PREVIEW_BYTES` are enough. */
export function preview(part: Part, body: Uint8Array): string {
  const text = decodeBytes(decodePart(body.subarray(0, PREVIEW_BYTES), part.encoding), charsetOf(part))
  return oneLine(part.subtype === 'html' ? htmlToText(text, { wordsOnly: true }) : text)
}

/** White space, and the invisible characters with which newsletters pad their first line. */
const BLANK = /(?:[[\s\p{Cc}\p{Cf}\u115f]--[\u200d]]|\u034f)+/gv

/** Characters that are enough for a preview, unless most of them are blank. */
const GLANCE_LENGTH = 1000

function oneLine(text: string): string {
  const glance = withoutBlanks(text.slice(0, GLANCE_LENGTH))
  // The cut may split a surrogate pair or a run of blanks, so the last character does not count.
  const line = glance.length > 2 * MAX_PREVIEW_LENGTH + 1 ? glance : withoutBlanks(text)
  return Array.from(line.slice(0, 2 * MAX_PREVIEW_LENGTH))
    .slice(0, MAX_PREVIEW_LENGTH)
    .join('')
    .trimEnd()
}

const withoutBlanks = (text: string) => text.replace(BLANK, ' ').trim()
