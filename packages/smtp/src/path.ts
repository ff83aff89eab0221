import { isIPv4, isIPv6 } from 'node:net'
import { hostName } from '@kabutar/mail/domain-name.ts'
import { SmtpError } from './replies.ts'

/**
 * A reverse or forward path (RFC 5321 section 4.1.2).
 * Beyond the grammar, forms that senders use and Postfix takes are accepted: no angle brackets, dots anywhere in a local part,
 * a dot at the end of the domain.
 * `address` is `''` for the null path and `postmaster` for `<Postmaster>` without a domain. A source route is stripped
 * (RFC 5321 appendix C), quotes that a local part doesn't need are taken off, everything else is spelled as it came.
 */
export interface Path {
  readonly address: string
  /** The address has characters beyond ASCII and needs SMTPUTF8 (RFC 6531 section 3.3). */
  readonly utf8: boolean
}

/**
 * Octets. RFC 5321 section 4.5.3.1 makes 64 and 256 the least that a server takes; bounce addresses with the recipient in
 * them are longer.
 */
const MAX_LOCAL = 256
const MAX_PATH = 512

const DOT_ATOM = /^[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+(?:\.[\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+)*$/u
/** Dots anywhere: providers have given out such mailboxes. */
const DOTTED = /^[.\w!#$%&'*+/=?^`{|}~\u{a0}-\u{10ffff}-]+$/u
const QUOTED = /^"(?:[ !#-[\]-~\u{a0}-\u{10ffff}]|\\[ -~])*"/u
const ASCII = /^[\0-\x7f]*$/

/**
 * Reads the path at the start of `text`; `rest` is the text after its `>`, or after the word without brackets.
 * @throws {SmtpError} 501 with `status`
 */
export function readPath(text: string, status: string): { path: Path; rest: string } {
  const refuse = (reason: string) => new SmtpError(501, status, reason)
  if (!text.startsWith('<')) return readPath(bracketed(text), status)
  const end = closingBracket(text)
  if (end < 0) throw refuse('The address has no end')
  if (Buffer.byteLength(text.slice(0, end + 1)) > MAX_PATH) throw refuse('The path is too long')
  const mailbox = withoutRoute(text.slice(1, end))
  const address = mailbox === undefined ? undefined : addressOf(mailbox)
  if (address === undefined) throw refuse('Not a valid address')
  return { path: { address, utf8: !ASCII.test(address) }, rest: text.slice(end + 1) }
}

/** `a@b SIZE=1` with its first word in brackets. An address without any is at least a word with an @. */
function bracketed(text: string): string {
  const [word = ''] = text.split(' ', 1)
  return word.includes('@') && !/[<>"]/.test(word) ? `<${word}>${text.slice(word.length)}` : '<@>'
}

/** Finds the `>` outside quotes; -1 if there is none. */
function closingBracket(text: string): number {
  let quoted = false
  for (let i = 1; i < text.length; i++) {
    const c = text[i]
    if (c === '"') quoted = !quoted
    else if (quoted && c === '\\') i++
    else if (!quoted && c === '>') return i
  }
  return -1
}

/** Strips a source route: `@one,@two:a@b` becomes `a@b`. A server must accept routes and should ignore them (RFC 5321 appendix C). */
function withoutRoute(inner: string): string | undefined {
  if (!inner.startsWith('@')) return inner
  const colon = inner.indexOf(':')
  const hops = inner.slice(0, Math.max(colon, 0)).split(',')
  const valid = hops.every((hop) => hop.startsWith('@') && hostName(hop.slice(1)) !== undefined)
  const mailbox = inner.slice(colon + 1)
  return valid && mailbox.includes('@') ? mailbox : undefined
}

function addressOf(mailbox: string): string | undefined {
  if (mailbox === '') return ''
  if (mailbox.toLowerCase() === 'postmaster') return 'postmaster'
  const quoted = QUOTED.exec(mailbox)?.[0]
  const at = quoted?.length ?? mailbox.indexOf('@')
  const local = mailbox.slice(0, Math.max(at, 0))
  const domain = mailbox.slice(at + 1).replace(/(?<=[^.])\.$/, '')
  if (mailbox[at] !== '@' || Buffer.byteLength(local) > MAX_LOCAL) return undefined
  if (!(quoted || DOTTED.test(local)) || !isMailDomain(domain)) return undefined
  return `${quoted ? unquoted(quoted) : local}@${domain}`
}

/** Takes off quotes that aren't needed: `"joe"@x` and `joe@x` are one mailbox (RFC 5321 section 4.1.2). */
function unquoted(quoted: string): string {
  const local = quoted.slice(1, -1).replace(/\\(.)/g, '$1')
  return DOT_ATOM.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`
}

function isMailDomain(domain: string): boolean {
  // A single label is allowed: hosts in the sender's own network use it, as in <root@localhost>.
  if (!domain.startsWith('[')) return hostName(domain) !== undefined
  if (!domain.endsWith(']')) return false
  const literal = domain.slice(1, -1)
  return /^ipv6:/i.test(literal) ? isIPv6(literal.slice(5)) && !literal.includes('%') : isIPv4(literal)
}
