import { customValue } from './field-value.ts'
import { MalformedError } from './malformed.ts'

/** Fields that a caller must not set: they have parameters of their own, or are written by us or the next hop. */
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
/** With these fields a message tells SendGrid, Mandrill, Mailgun, Postmark or SparkPost to send it to more recipients. */
const RELAY_PREFIXES = ['x-smtpapi', 'x-mc-', 'x-mailgun-', 'x-pm-', 'x-msys-api']

/** A field name: printable ASCII without colon (RFC 5322 section 2.2). */
const NAME = /^[!-9;-~]{1,76}$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: a line break would let an attacker add fields
const BREAK = /[\u0000-\u0008\u000a-\u001f\u007f]/
const MAX_VALUE_LENGTH = 8192
const MAX_FIELDS = 100

/**
 * Checks the custom fields of a message: In-Reply-To, References, List-*, X-* and others are allowed, each name once.
 * @throws {MalformedError} for a structural, trace or signature field, one that a relay obeys unless `forRelay` allows it, a
 *   malformed name, a line break in a value, or a value that would make a line too long
 */
export function checkCustomHeaders(headers: Readonly<Record<string, string>>, forRelay = true): void {
  const names = Object.keys(headers)
  if (names.length > MAX_FIELDS) throw new MalformedError(`at most ${MAX_FIELDS} headers are allowed`)
  const seen = new Set<string>()
  for (const name of names) {
    const lower = name.toLowerCase()
    if (!NAME.test(name)) throw new MalformedError('a header name has a character that is not allowed')
    const refused = forRelay ? REFUSED_PREFIXES : [...REFUSED_PREFIXES, ...RELAY_PREFIXES]
    if (REFUSED.has(lower) || refused.some((prefix) => lower.startsWith(prefix))) {
      throw new MalformedError(`the header ${name} cannot be set`)
    }
    if (seen.has(lower)) throw new MalformedError(`the header ${name} is given twice`)
    seen.add(lower)
    checkValue(name, headers[name] ?? '')
  }
}

function checkValue(name: string, value: string): void {
  if (BREAK.test(value)) throw new MalformedError(`the header ${name} has a line break or a control character`)
  if (value.length > MAX_VALUE_LENGTH) throw new MalformedError(`the header ${name} is too long`)
  customValue(name, value)
}

/** @throws {MalformedError} for a line break, which would begin another field, or a control character */
export function checkSubject(subject: string): void {
  if (BREAK.test(subject)) throw new MalformedError('the subject has a line break or a control character')
}
