import { decodePart } from './decode.ts'
import { scanHtml } from './html.ts'
import type { MessageIndex, Part } from './part.ts'
import { charsetOf, readablePart } from './readable.ts'
import { decodeBytes } from './words.ts'

/** RFC 8970 section 3.1. */
export const MAX_PREVIEW_LENGTH = 200
/** Body bytes that a preview needs: style sheets come first. */
export const PREVIEW_BYTES = 64 * 1024

/** The beginning of what one reads in a message, on one line, at most 200 characters; empty if there is no text. */
export function previewOf(index: MessageIndex, raw: Uint8Array): string {
  const part = readablePart(index)
  return part === undefined ? '' : preview(part, raw.subarray(part.bodyStart, part.bodyEnd))
}

/** `previewOf` for a part whose body was read by range: the first `PREVIEW_BYTES` of it will do. */
export function preview(part: Part, body: Uint8Array): string {
  const text = decodeBytes(decodePart(body.subarray(0, PREVIEW_BYTES), part.encoding), charsetOf(part))
  return oneLine(part.subtype === 'html' ? textOfHtml(text) : text)
}

/** White space, and the invisible characters that newsletters pad their first line with. */
const BLANK = /(?:[[\s\p{Cc}\p{Cf}\u115f]--[\u200d]]|\u034f)+/gv

/** More is rarely blank. */
const GLANCE_LENGTH = 1000

function oneLine(text: string): string {
  const glance = withoutBlanks(text.slice(0, GLANCE_LENGTH))
  // A blank or a pair that the cut went through is at its very end.
  const line = glance.length > 2 * MAX_PREVIEW_LENGTH + 1 ? glance : withoutBlanks(text)
  return Array.from(line.slice(0, 2 * MAX_PREVIEW_LENGTH))
    .slice(0, MAX_PREVIEW_LENGTH)
    .join('')
    .trimEnd()
}

const withoutBlanks = (text: string) => text.replace(BLANK, ' ').trim()

/** Text between the tags, for a glance and not for reading. */
export function textOfHtml(html: string): string {
  let out = ''
  scanHtml(
    html,
    (text) => {
      out += text
    },
    () => {
      out += ' '
    },
  )
  return out
}
