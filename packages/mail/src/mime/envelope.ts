import { MAX_REFERENCES } from '../limits.ts'
import { type AddressList, parseAddresses } from './addresses.ts'
import type { Fields } from './fields.ts'
import { textOf } from './header-text.ts'
import { withoutComments } from './params.ts'

/** ENVELOPE of RFC 9051 section 7.5.2. Texts are as sent: encoded words are not decoded. */
export type Envelope = {
  readonly date: string | null
  readonly subject: string | null
  readonly from: AddressList
  /** Equal to `from` if the message has no Sender; so is `replyTo` without Reply-To. */
  readonly sender: AddressList
  readonly replyTo: AddressList
  readonly to: AddressList
  readonly cc: AddressList
  readonly bcc: AddressList
  readonly inReplyTo: string | null
  readonly messageId: string | null
}

/** Identifiers for threading, `<left@right>`. */
export type References = {
  readonly messageId: string | null
  readonly inReplyTo: readonly string[]
  /** Oldest first; at most 100. */
  readonly references: readonly string[]
}

export const ENVELOPE_FIELDS = [
  'date',
  'subject',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'in-reply-to',
  'message-id',
  'references',
] as const

export function envelopeFrom(fields: Fields): Envelope {
  const from = addresses(fields, 'from')
  const sender = addresses(fields, 'sender')
  const replyTo = addresses(fields, 'reply-to')
  return {
    date: first(fields, 'date'),
    subject: first(fields, 'subject'),
    from,
    sender: sender.length > 0 ? sender : from,
    replyTo: replyTo.length > 0 ? replyTo : from,
    to: addresses(fields, 'to'),
    cc: addresses(fields, 'cc'),
    bcc: addresses(fields, 'bcc'),
    inReplyTo: first(fields, 'in-reply-to'),
    messageId: first(fields, 'message-id'),
  }
}

/** Reads the message identifiers of RFC 5322 section 3.6.4. */
export function referencesFrom(fields: Fields): References {
  const ids = messageIds(fields, 'references')
  return {
    messageId: messageIds(fields, 'message-id')[0] ?? null,
    inReplyTo: messageIds(fields, 'in-reply-to').slice(0, MAX_REFERENCES),
    // Keeps the first, which begins the thread, and the newest.
    references: ids.length <= MAX_REFERENCES ? ids : [ids[0]!, ...ids.slice(1 - MAX_REFERENCES)],
  }
}

/** A repeated address field counts as one long list. */
function addresses(fields: Fields, name: string): AddressList {
  const values = fields.get(name)
  return values === undefined ? [] : parseAddresses(textOf(values.join(',')))
}

function first(fields: Fields, name: string): string | null {
  const value = fields.get(name)?.[0]
  return value === undefined ? null : textOf(value)
}

function messageIds(fields: Fields, name: string): readonly string[] {
  return messageIdsIn(textOf((fields.get(name) ?? []).join(' ')))
}

/**
 * Message identifiers in a header value. Without any in angle brackets, each word of a field that holds nothing else is
 * one: some senders leave the brackets out, and a reply to their mail must still find its thread.
 */
export function messageIdsIn(text: string): readonly string[] {
  const ids = Array.from(text.matchAll(/<([^<>]{1,998})>/g), ([, id]) => withoutComments(id!).replace(/\s+/g, ''))
  const words = ids.length > 0 ? ids : text.split(/[\s,]+/)
  const isId = ids.length > 0 || words.every((word) => word.includes('@')) || words.length === 1
  return isId
    ? words.filter((word) => word !== '' && word.length <= 998).map((id) => `<${id.replace(/[<>]/g, '')}>`)
    : []
}
