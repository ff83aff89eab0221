import { domainName } from './domain-name.ts'
import { MalformedError } from './malformed.ts'

/** A mailbox of RFC 5322 section 3.4: `name` may be empty; `address` is ASCII, its domain in lower case and punycode. */
export type Mailbox = { readonly name: string; readonly address: string }

/** RFC 5321 section 4.5.3.1.1 and 4.5.3.1.3 (the path without its brackets). */
const MAX_LOCAL_BYTES = 64
const MAX_ADDRESS_BYTES = 254
const MAX_MAILBOX_BYTES = 384

const DOT_ATOM = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/
/**
 * Dots anywhere: providers have given out such mailboxes. One class: a repeated group of repeated characters would be tried
 * in every division of the text.
 */
const DOTTED = /^[.\w!#$%&'*+/=?^`{|}~-]+$/
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\x20-\x7e])+)"$/
const QUOTED_STRINGS = /"((?:[^"\\]|\\.)*)"/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: these must not get into a header field
const CONTROL = /[\u0000-\u001f\u007f\u2028\u2029]/

/**
 * Reads one mailbox, `Name <local@domain>` or `local@domain`. Display names may hold any character but controls; quotes around a
 * name, or around words of it, are taken off.
 * @throws {MalformedError} for none, several, a group, a non-ASCII local part, or lengths above RFC 5321 section 4.5.3.1
 */
export function parseMailbox(given: string): Mailbox {
  const text = given.trim()
  if (CONTROL.test(text)) throw new MalformedError('an address holds a control character')
  if (Buffer.byteLength(text) > MAX_MAILBOX_BYTES) throw new MalformedError('an address is too long')
  // Without brackets only a bare address will do.
  if (!text.endsWith('>')) return { name: '', address: parseAddress(text) }
  // A quoted local part may hold brackets too, so the address begins at the last one that makes sense.
  for (let at = text.lastIndexOf('<'); at >= 0; at = at === 0 ? -1 : text.lastIndexOf('<', at - 1)) {
    const address = addressIn(text.slice(at + 1, -1))
    if (address !== undefined) return { name: nameOf(text.slice(0, at)), address }
  }
  throw new MalformedError('exactly one address is expected')
}

function addressIn(text: string): string | undefined {
  try {
    return parseAddress(text.trim())
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** @throws {MalformedError} if the text before an address holds another one */
function nameOf(text: string): string {
  const bare = text.replace(QUOTED_STRINGS, '')
  const others = [...bare.split(/[,;:]/), ...[...bare.matchAll(/<([^<>]*)>/g)].map(([, inside = '']) => inside)]
  if (others.some((other) => addressIn(other) !== undefined)) {
    throw new MalformedError('exactly one address is expected')
  }
  return text.replace(QUOTED_STRINGS, (_, quoted: string) => quoted.replace(/\\(.)/g, '$1')).trim()
}

/**
 * Reads `local@domain` (RFC 5321 section 4.1.2). The local part is quoted where it must be and only there, so that a mailbox has
 * one spelling: `"a b"@x.test`, `a..b@x.test` becomes `"a..b"@x.test`, `"a"@x.test` becomes `a@x.test`.
 * @throws {MalformedError}
 */
export function parseAddress(text: string): string {
  if (text.length > MAX_MAILBOX_BYTES) throw new MalformedError('an address is too long')
  const at = text.lastIndexOf('@')
  const local = localOf(text.slice(0, Math.max(at, 0)))
  if (local === undefined || local.length > MAX_LOCAL_BYTES) {
    throw new MalformedError('the part before the @ of an address is missing, too long or not ASCII')
  }
  const domain = domainName(text.slice(at + 1))
  if (domain === undefined) throw new MalformedError('the domain of an address is missing, too long or malformed')
  const address = `${local}@${domain}`
  if (address.length > MAX_ADDRESS_BYTES) throw new MalformedError('an address is too long')
  return address
}

function localOf(text: string): string | undefined {
  const [, quoted] = QUOTED.exec(text) ?? []
  const content = quoted?.replace(/\\(.)/g, '$1') ?? text
  if (DOT_ATOM.test(content)) return content
  if (quoted === undefined && !DOTTED.test(content)) return undefined
  return `"${content.replace(/["\\]/g, '\\$&')}"`
}

/** Returns the text after the last `@`. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

/**
 * Writes `Name <address>`, with the name quoted if RFC 5322 section 3.2.3 asks for it. A name without an address is quoted
 * only where it could be taken for one.
 */
export function formatMailbox({ name, address }: Mailbox): string {
  if (name === '') return address
  if (address === '') return /[@<>]/.test(name) ? quoted(name) : name
  const isPlain = /^[\p{L}\p{N} !#$%&'*+/=?^_`{|}~-]+$/u.test(name)
  return `${isPlain ? name : quoted(name)} <${address}>`
}

const quoted = (name: string) => `"${name.replace(/["\\]/g, '\\$&')}"`

/** Writes `to` and `cc` as the header has them, for lists and webhooks. */
export function displayed(mailboxes: readonly Mailbox[]): string[] {
  return mailboxes.map(formatMailbox)
}
