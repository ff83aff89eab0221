import { MalformedError } from './malformed.ts'

/** Fields that have a parameter of their own, that we or the next hop write, or that sign or trace (RFC 5322 3.6). */
const REFUSED = new Set([
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'subject',
  'date',
  'message-id',
  'mime-version',
  'received',
  'return-path',
  'delivered-to',
  'dkim-signature',
  'domainkey-signature',
  'authentication-results',
  'received-spf',
])
const REFUSED_PREFIXES = ['content-', 'resent-', 'arc-', 'x-ses-']

/** A field name: printable ASCII without colon (RFC 5322 section 2.2). */
const NAME = /^[!-9;-~]{1,76}$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: a line break here would begin a field of the attacker's choice
const BREAK = /[\u0000-\u0008\u000a-\u001f\u007f]/
const MAX_VALUE_LENGTH = 8192
const MAX_FIELDS = 100

/**
 * Passes the custom fields of a message: In-Reply-To, References, List-*, X-* and the like, each name once.
 * @throws {MalformedError} for a structural, trace or signature field, a malformed name, or a line break in a value
 */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>): void {
  const names = Object.keys(headers)
  if (names.length > MAX_FIELDS) throw new MalformedError(`at most ${MAX_FIELDS} headers are allowed`)
  const seen = new Set<string>()
  for (const name of names) {
    const lower = name.toLowerCase()
    if (!NAME.test(name)) throw new MalformedError('a header name holds a character that is not allowed')
    if (REFUSED.has(lower) || REFUSED_PREFIXES.some((prefix) => lower.startsWith(prefix))) {
      throw new MalformedError(`the header ${name} cannot be set`)
    }
    if (seen.has(lower)) throw new MalformedError(`the header ${name} is given twice`)
    seen.add(lower)
    checkValue(name, headers[name] ?? '')
  }
}

function checkValue(name: string, value: string): void {
  if (BREAK.test(value)) throw new MalformedError(`the header ${name} holds a line break or a control character`)
  if (value.length > MAX_VALUE_LENGTH) throw new MalformedError(`the header ${name} is too long`)
}

/** @throws {MalformedError} for a line break or a control character, which would begin a field of its own */
export function checkSubject(subject: string): void {
  if (BREAK.test(subject)) throw new MalformedError('the subject holds a line break or a control character')
}
