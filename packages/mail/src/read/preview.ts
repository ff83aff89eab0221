import { htmlToText } from '../html-to-text.ts'

/** RFC 8970 section 3.1. */
const MAX_PREVIEW_LENGTH = 200
/** Characters that are looked at: style sheets and blank padding come before the text. */
const MAX_LOOKED_AT = 64 * 1024

/** Returns the beginning of the readable text on one line, at most 200 characters; empty if there is no text. */
export function previewOf(text: string | null, html: string | null): string {
  const line = oneLine((text ?? '').slice(0, MAX_LOOKED_AT))
  if (line !== '' || html === null) return line
  const words = (length: number) => htmlToText(html.slice(0, length), { wordsOnly: true })
  const first = words(HTML_GLANCE_LENGTH)
  return oneLine(first.length > GLANCE_LENGTH ? first : words(MAX_LOOKED_AT))
}

/** White space, and the invisible characters with which newsletters pad their first line. */
const BLANK = /(?:[[\s\p{Cc}\p{Cf}\u115f]--[\u200d]]|\u034f)+/gv

/** Characters that are enough for a preview, unless most of them are blank. */
const GLANCE_LENGTH = 1000
/** HTML that has as many words, unless it begins with style sheets or is short. */
const HTML_GLANCE_LENGTH = 8 * 1024

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
