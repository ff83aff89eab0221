import type { Address, AddressList } from '@kabutar/mail/mime/addresses.ts'
import type { Envelope } from '@kabutar/mail/mime/envelope.ts'
import { textOf } from '@kabutar/mail/mime/header-text.ts'
import type { Params } from '@kabutar/mail/mime/params.ts'
import { type MessageIndex, type Part, partsOf } from '@kabutar/mail/mime/part.ts'

/** A value as an IMAP server prints it: a string, a number, NIL, or a parenthesized list. Strings may hold any character. */
export type ImapValue = string | number | null | readonly ImapValue[]

/** ENVELOPE in the order of RFC 9051 section 7.5.2. */
export function envelopeOf({ envelope }: MessageIndex): ImapValue {
  return envelopeList(envelope)
}

/** BODYSTRUCTURE (RFC 9051 section 7.5.2), or BODY without extension data. Parameters beyond ASCII are in RFC 2231 form. */
export function bodyStructureOf({ root }: MessageIndex, { extensions = true } = {}): ImapValue {
  return structure(root, extensions)
}

function envelopeList(envelope: Envelope): ImapValue {
  const { date, subject, from, sender, replyTo, to, cc, bcc, inReplyTo, messageId } = envelope
  return [date, subject, ...[from, sender, replyTo, to, cc, bcc].map(addressList), inReplyTo, messageId]
}

function addressList(list: AddressList): ImapValue {
  if (list.length === 0) return null
  return list.flatMap((entry) =>
    'group' in entry
      ? [[null, null, entry.group, null], ...entry.members.map(address), [null, null, null, null]]
      : [address(entry)],
  )
}

/** Mailbox and host are never NIL here: NIL would mean group syntax. */
function address({ name, mailbox, host }: Address): ImapValue {
  return [name === '' ? null : name, null, mailbox, host]
}

function structure(part: Part, extensions: boolean): ImapValue {
  if (part.children.length > 0) {
    const children = part.children.map((child) => structure(child, extensions))
    if (!extensions) return [...children, part.subtype]
    return [...children, part.subtype, paramList(part.params), ...placement(part)]
  }
  const size = part.bodyEnd - part.bodyStart
  const basic = [part.type, part.subtype, paramList(part.params), part.id, part.description, part.encoding, size]
  return [...basic, ...contents(part, extensions), ...(extensions ? [part.md5, ...placement(part)] : [])]
}

function contents({ type, message, lines }: Part, extensions: boolean): readonly ImapValue[] {
  if (message !== null) return [envelopeList(message.envelope), structure(message.body, extensions), lines]
  return type === 'text' ? [lines] : []
}

function placement({ disposition, language, location }: Part): readonly ImapValue[] {
  return [
    disposition && [disposition.type, paramList(disposition.params)],
    language.length > 0 ? language : null,
    location,
  ]
}

function paramList(params: Params): ImapValue {
  return params.length === 0 ? null : params.flatMap(([name, value]) => extended(name, textOf(value)))
}

/** RFC 2231 section 4: text that a quoted string can't carry to every client. */
function extended(name: string, value: string): readonly string[] {
  if (/^[\x20-\x7e\t]*$/.test(value)) return [name, value]
  const percent = encodeURIComponent(value.toWellFormed()).replace(
    /['()*!]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  )
  return [`${name}*`, `utf-8''${percent}`]
}

/** Finds the part with a section number. */
export function partAt(index: MessageIndex, path: string): Part | undefined {
  if (path === '') return undefined
  for (const part of partsOf(index.root)) if (part.path === path) return part
  return undefined
}
