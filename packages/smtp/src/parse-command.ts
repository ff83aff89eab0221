import type { Path } from './path.ts'
import { readPath } from './path.ts'
import { SmtpError } from './replies.ts'

export type Hello = { readonly verb: 'HELO' | 'EHLO'; readonly name: string }
export type Mail = {
  readonly verb: 'MAIL'
  readonly path: Path
  readonly smtputf8: boolean
  readonly body8bit: boolean
  /** Octets that the client announced (RFC 1870). */
  readonly size?: number
}
export type Rcpt = { readonly verb: 'RCPT'; readonly path: Path }
type Simple = { readonly verb: 'DATA' | 'RSET' | 'QUIT' | 'STARTTLS' | 'NOOP' | 'VRFY' | 'EXPN' | 'HELP' }
export type Command = Hello | Mail | Rcpt | Simple

/** Commands of the RFCs that are answered 502 (not implemented), not 500 (not recognized). */
const NOT_OFFERED = new Set(['AUTH', 'BDAT', 'ETRN', 'SAML', 'SEND', 'SOML', 'TURN', 'ATRN', 'XCLIENT', 'XFORWARD'])
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads one command line (RFC 5321 section 4.1.1) without its CRLF. Verbs and keywords may have any case. Spaces at the end
 * and between `FROM:` and the path are accepted, since large senders rely on it.
 * @throws {SmtpError} 500, 501, 502, 553 or 555; nothing else
 */
export function parseCommand(line: Buffer): Command {
  const text = decode(line)
  const space = text.indexOf(' ')
  const verb = (space < 0 ? text : text.slice(0, space)).toUpperCase()
  const rest = space < 0 ? '' : text.slice(space + 1)
  switch (verb) {
    case 'HELO':
    case 'EHLO':
      return { verb, name: nameOf(rest) }
    case 'MAIL':
      return mail(rest)
    case 'RCPT':
      return rcpt(rest)
    case 'DATA':
    case 'RSET':
    case 'QUIT':
    case 'STARTTLS':
      if (rest !== '') throw new SmtpError(501, '5.5.4', `${verb} takes no parameter`)
      return { verb }
    case 'VRFY':
    case 'EXPN':
      if (rest === '') throw new SmtpError(501, '5.5.4', `${verb} needs a parameter`)
      return { verb }
    case 'NOOP':
    case 'HELP':
      return { verb }
    default:
      if (NOT_OFFERED.has(verb)) throw new SmtpError(502, '5.5.1', 'Command not implemented')
      throw new SmtpError(500, '5.5.1', 'Command not recognized')
  }
}

function decode(line: Buffer): string {
  let text = line.toString('latin1')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\0-\x1f\x7f]/.test(text)) throw new SmtpError(500, '5.5.2', 'Control characters in a command')
  if (/[\x80-\xff]/.test(text)) {
    try {
      text = utf8.decode(line)
    } catch {
      throw new SmtpError(500, '5.5.2', 'Not UTF-8')
    }
  }
  // A run of blanks is tried from its first one alone: from each, a line of blanks would take a time that grows with its square.
  return text.replace(/(?<! ) +$/, '')
}

/** Reads the name of HELO or EHLO. It may be wrong, but must be one printable word (RFC 5321 section 4.1.4). */
function nameOf(text: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(text)) throw new SmtpError(501, '5.5.4', 'Say your host name or address literal')
  return text
}

function mail(text: string): Mail {
  const { path, rest } = pathAfter('FROM:', text, '5.1.7')
  if (path.address === 'postmaster') throw new SmtpError(501, '5.1.7', 'Not a valid address')
  const parameters = parametersOf(rest)
  const size = sizeOf(parameters)
  const body = bodyOf(parameters)
  const smtputf8 = parameters.has('SMTPUTF8')
  if (parameters.get('SMTPUTF8')) throw new SmtpError(501, '5.5.4', 'SMTPUTF8 takes no value')
  // Exchange says AUTH=<> without having been offered AUTH; it names who submitted the message, which nobody here needs.
  for (const known of ['SIZE', 'BODY', 'SMTPUTF8', 'AUTH']) parameters.delete(known)
  refuseUnknown(parameters)
  if (path.utf8 && !smtputf8) throw needsSmtputf8()
  return { verb: 'MAIL', path, smtputf8, body8bit: body === '8BITMIME', ...(size !== undefined && { size }) }
}

function rcpt(text: string): Rcpt {
  const { path, rest } = pathAfter('TO:', text, '5.1.3')
  if (path.address === '') throw new SmtpError(501, '5.1.3', 'Not a valid address')
  refuseUnknown(parametersOf(rest))
  return { verb: 'RCPT', path }
}

/** The refusal of an address beyond ASCII in a transaction without SMTPUTF8 (RFC 6531 section 3.5). */
export function needsSmtputf8(): SmtpError {
  return new SmtpError(553, '5.6.7', 'This address needs SMTPUTF8')
}

function pathAfter(keyword: string, text: string, status: string): { path: Path; rest: string } {
  if (text.slice(0, keyword.length).toUpperCase() !== keyword)
    throw new SmtpError(501, '5.5.4', `Expected ${keyword}<address>`)
  const { path, rest } = readPath(text.slice(keyword.length).trimStart(), status)
  if (rest !== '' && !rest.startsWith(' ')) throw new SmtpError(501, '5.5.4', 'Unexpected text after the address')
  return { path, rest }
}

/** Reads each `esmtp-param` of RFC 5321 section 4.1.2; a keyword without a value gets `''`. */
function parametersOf(text: string): Map<string, string> {
  const parameters = new Map<string, string>()
  if (text === '') return parameters
  for (const word of text.split(' ')) {
    if (word === '') continue
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?$/.exec(word)
    const keyword = match?.[1]?.toUpperCase()
    if (keyword === undefined || parameters.has(keyword)) throw new SmtpError(501, '5.5.4', 'Malformed parameter')
    parameters.set(keyword, match?.[2] ?? '')
  }
  return parameters
}

function sizeOf(parameters: ReadonlyMap<string, string>): number | undefined {
  const size = parameters.get('SIZE')
  if (size === undefined) return undefined
  if (!/^\d{1,20}$/.test(size)) throw new SmtpError(501, '5.5.4', 'SIZE needs a number')
  return Number(size)
}

function bodyOf(parameters: ReadonlyMap<string, string>): string | undefined {
  const body = parameters.get('BODY')?.toUpperCase()
  if (body === undefined || body === '7BIT' || body === '8BITMIME') return body
  throw new SmtpError(501, '5.5.4', 'BODY is 7BIT or 8BITMIME')
}

function refuseUnknown(parameters: ReadonlyMap<string, string>): void {
  if (parameters.size > 0) throw new SmtpError(555, '5.5.4', 'Parameter not recognized')
}
