/** The value of a header field as it goes over the wire: ASCII, folded, no line longer than RFC 5322 section 2.1.1 allows. */
import { parseAddress } from './address.ts'
import { MalformedError } from './malformed.ts'

const LINE_LENGTH = 76
const MAX_LINE_LENGTH = 998
/** Octets of UTF-8 in an encoded word, which has 75 characters at most (RFC 2047 section 2). */
const WORD_OCTETS = 45
const PRINTABLE = /^[\t\x20-\x7e]*$/
const IN_BRACKETS = /(<[^<>]*>)/
/** They stay as they are beside an encoded word. A blank beyond ASCII is none of them: it is encoded too. */
const SEPARATORS = ['\t', ' ', ',', ';', ':']

/**
 * A custom field's value. Printable ASCII stays as it was given, since a relay may read it (X-SMTPAPI is JSON). Beyond ASCII
 * the text is encoded and what stands in angle brackets stays readable (RFC 2047 section 5).
 * @throws {MalformedError} if a line would be too long and has no blank to break it at
 */
export function customValue(name: string, value: string): string {
  const folded = fold(name, separated(name, PRINTABLE.test(value) ? value : encoded(value)))
  if (isTooLong(name, folded)) {
    throw new MalformedError(`the header ${name} has more than ${MAX_LINE_LENGTH} characters without a blank`)
  }
  return folded
}

/** A subject of ASCII; undefined for one with other characters. A reader shows it as it was given. */
export function asciiSubject(subject: string): string | undefined {
  if (!PRINTABLE.test(subject)) return undefined
  const folded = fold('Subject', subject)
  return subject.includes('=?') || isTooLong('Subject', folded) ? fold('Subject', encodedWords(subject)) : folded
}

const isTooLong = (name: string, folded: string) =>
  `${name}: ${folded}`.split('\r\n').some((line) => line.length > MAX_LINE_LENGTH)

/** Blanks where the syntax allows them: between message ids, and behind the commas of the List-* fields (RFC 2369). */
function separated(name: string, value: string): string {
  if (/^(references|in-reply-to)$/i.test(name)) return value.replace(/>(?=<)/g, '> ')
  return /^list-/i.test(name) ? value.replace(/>,(?=<)/g, '>, ') : value
}

/** Line breaks in front of blanks; they are no part of the value (RFC 5322 section 2.2.3). */
function fold(name: string, value: string): string {
  const lines: string[] = []
  let line = ''
  let room = LINE_LENGTH - name.length - 2
  for (const word of value.trim().match(/[ \t]*[^ \t]+/g) ?? []) {
    if (line !== '' && line.length + word.length > room) {
      lines.push(line)
      line = ''
      room = LINE_LENGTH
    }
    line += word
  }
  return [...lines, line].join('\r\n')
}

function encoded(value: string): string {
  const parts = value.split(IN_BRACKETS).map((part, n) => (n % 2 === 0 ? encodedPhrase(part) : asciiInBrackets(part)))
  return parts.includes(undefined) ? encodedWords(value) : parts.join('').trim()
}

/** An encoded word stands apart from its neighbours, and in place of a quoted string. */
function encodedPhrase(text: string): string {
  if (PRINTABLE.test(text)) return text
  const start = text.search(/[^\t ,;:]/)
  let end = text.length
  while (SEPARATORS.includes(text[end - 1] ?? '')) end--
  const words = text.slice(start, end)
  const unquoted = /^"(?:[^"\\]|\\.)*"$/s.test(words) ? words.slice(1, -1).replace(/\\(.)/gs, '$1') : words
  return `${text.slice(0, start).trimEnd()} ${encodedWords(unquoted)} ${text.slice(end).trimStart()}`
}

/** A URL or an address with its domain in punycode; undefined for anything else beyond ASCII. */
function asciiInBrackets(bracketed: string): string | undefined {
  if (PRINTABLE.test(bracketed)) return bracketed
  const text = bracketed.slice(1, -1).trim()
  if (URL.canParse(text)) return `<${new URL(text).href}>`
  try {
    return `<${parseAddress(text)}>`
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** Whole characters in each word (RFC 2047 section 5). */
function encodedWords(text: string): string {
  const words: string[] = []
  let octets = 0
  let word = ''
  for (const character of text) {
    const length = Buffer.byteLength(character)
    if (octets + length > WORD_OCTETS) {
      words.push(word)
      word = ''
      octets = 0
    }
    word += character
    octets += length
  }
  return [...words, word].map((one) => `=?UTF-8?B?${Buffer.from(one).toString('base64')}?=`).join(' ')
}
