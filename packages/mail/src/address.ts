import { domainToASCII } from 'node:url'
import addressparser from 'nodemailer/lib/addressparser'
import { MalformedError } from './malformed.ts'

/** A mailbox of RFC 5322 section 3.4: `name` may be empty; `address` is ASCII, its domain in lower case and punycode. */
export type Mailbox = { readonly name: string; readonly address: string }

/** RFC 5321 section 4.5.3.1.1, 4.5.3.1.2 and 4.5.3.1.3 (the path without its brackets). */
export const MAX_LOCAL_BYTES = 64
export const MAX_DOMAIN_BYTES = 255
export const MAX_ADDRESS_BYTES = 254
const MAX_MAILBOX_BYTES = 384

/** `Name <address>` with nothing in the name that a tokenizer would have to look at. */
const PLAIN = /^([^\s"<>@,;:()[\]\\](?:[^"<>@,;:()[\]\\]*[^\s"<>@,;:()[\]\\])?) <([^<>\s]+)>$/
const ASCII_DOMAIN = /^[a-z0-9_.-]+$/
const DOT_ATOM = /^[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not pass into a header field
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029]/

/**
 * One mailbox, `Name <local@domain>` or `local@domain`. Display names may hold any character but controls.
 * @throws {MalformedError} for none, several, a group, a non-ASCII local part, or lengths past RFC 5321 section 4.5.3.1
 */
export function parseMailbox(text: string): Mailbox {
  if (CONTROL.test(text)) throw new MalformedError('an address holds a control character')
  if (Buffer.byteLength(text) > MAX_MAILBOX_BYTES) throw new MalformedError('an address is too long')
  // Without brackets only a bare address will do: a tokenizer would guess one out of almost anything.
  if (!text.includes('<')) return { name: '', address: parseAddress(text) }
  const [, name, address] = PLAIN.exec(text) ?? []
  if (name !== undefined && address !== undefined) return { name, address: parseAddress(address) }
  const [first, ...rest] = addressparser(text)
  if (first === undefined || rest.length > 0) throw new MalformedError('exactly one address is expected')
  if (first.group !== undefined) throw new MalformedError('a group is not an address')
  return { name: first.name, address: parseAddress(first.address) }
}

/** `local@domain` (RFC 5321 section 4.1.2, dot-string only). @throws {MalformedError} */
export function parseAddress(text: string): string {
  const at = text.lastIndexOf('@')
  const local = text.slice(0, Math.max(at, 0))
  if (at < 1 || !DOT_ATOM.test(local) || local.length > MAX_LOCAL_BYTES) {
    throw new MalformedError('the part before the @ of an address is missing, too long or not ASCII')
  }
  const address = `${local}@${parseDomain(text.slice(at + 1))}`
  if (address.length > MAX_ADDRESS_BYTES) throw new MalformedError('an address is too long')
  return address
}

/** A fully qualified domain name in lower case and punycode. @throws {MalformedError} */
export function parseDomain(text: string): string {
  const domain = ASCII_DOMAIN.test(text) && !text.includes('xn--') ? text : domainToASCII(text)
  const labels = domain.split('.')
  if (domain.length > MAX_DOMAIN_BYTES || labels.length < 2 || !labels.every((label) => LABEL.test(label))) {
    throw new MalformedError('the domain of an address is missing, too long or malformed')
  }
  return domain
}

/** The domain of an address that parseAddress made. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

/** As people write it: the name is quoted where RFC 5322 section 3.2.3 asks for it. */
export function formatMailbox({ name, address }: Mailbox): string {
  if (name === '') return address
  const plain = /^[\p{L}\p{N} !#$%&'*+/=?^_`{|}~-]+$/u.test(name)
  return `${plain ? name : `"${name.replace(/["\\]/g, '\\$&')}"`} <${address}>`
}

/** `to` and `cc` as the header shows them; for lists and webhooks. */
export function displayed(mailboxes: readonly Mailbox[]): string[] {
  return mailboxes.map(formatMailbox)
}
