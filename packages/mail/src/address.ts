import addressparser from 'nodemailer/lib/addressparser'
import { domainName } from './domain-name.ts'
import { MalformedError } from './malformed.ts'

/** A mailbox of RFC 5322 section 3.4: `name` may be empty; `address` is ASCII, its domain in lower case and punycode. */
export type Mailbox = { readonly name: string; readonly address: string }

/** RFC 5321 section 4.5.3.1.1 and 4.5.3.1.3 (the path without its brackets). */
export const MAX_LOCAL_BYTES = 64
const MAX_ADDRESS_BYTES = 254
const MAX_MAILBOX_BYTES = 384

/** Matches `Name <address>` if the name has no characters that need a tokenizer. */
const PLAIN = /^([^\s"<>@,;:()[\]\\](?:[^"<>@,;:()[\]\\]*[^\s"<>@,;:()[\]\\])?) <([^<>\s]+)>$/
const DOT_ATOM = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not get into a header field
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029]/

/**
 * Reads one mailbox, `Name <local@domain>` or `local@domain`. A display name may have any characters but controls.
 * @throws {MalformedError} for none, several, a group, a non-ASCII local part, or lengths above RFC 5321 section 4.5.3.1
 */
export function parseMailbox(text: string): Mailbox {
  if (CONTROL.test(text)) throw new MalformedError('an address holds a control character')
  if (Buffer.byteLength(text) > MAX_MAILBOX_BYTES) throw new MalformedError('an address is too long')
  // Without brackets only a bare address is accepted: the tokenizer would make an address of almost anything.
  if (!text.includes('<')) return { name: '', address: parseAddress(text) }
  const [, name, address] = PLAIN.exec(text) ?? []
  if (name !== undefined && address !== undefined) return { name, address: parseAddress(address) }
  const [first, ...rest] = addressparser(text)
  if (first === undefined || rest.length > 0) throw new MalformedError('exactly one address is expected')
  if (first.group !== undefined) throw new MalformedError('a group is not an address')
  return { name: first.name, address: parseAddress(first.address) }
}

/** Reads `local@domain` (RFC 5321 section 4.1.2, dot-string only). @throws {MalformedError} */
export function parseAddress(text: string): string {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(at, 0))
  if (at < 1 || !DOT_ATOM.test(local) || local.length > MAX_LOCAL_BYTES) {
    throw new MalformedError('the part before the @ of an address is missing, too long or not ASCII')
  }
  const domain = domainName(text.slice(at + 1))
  if (domain === undefined) throw new MalformedError('the domain of an address is missing, too long or malformed')
  const address = `${local}@${domain}`
  if (address.length > MAX_ADDRESS_BYTES) throw new MalformedError('an address is too long')
  return address
}

/** Returns the text after the last `@`. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

/** Writes `Name <address>`, with the name quoted if RFC 5322 section 3.2.3 asks for it. */
export function formatMailbox({ name, address }: Mailbox): string {
  if (name === '') return address
  const plain = /^[\p{L}\p{N} !#$%&'*+/=?^_`{|}~-]+$/u.test(name)
  return `${plain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`} <${address}>`
}

/** Writes `to` and `cc` as the header has them, for lists and webhooks. */
export function displayed(mailboxes: readonly Mailbox[]): string[] {
  return mailboxes.map(formatMailbox)
}
