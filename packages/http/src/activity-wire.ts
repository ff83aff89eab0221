/** Maps messages of the unified list to the wire, and reads its filters. */
import { MailError } from '@kabutar/core/errors.ts'
import type { ActivityOptions } from '@kabutar/core/messages/activity.ts'
import { createdAtOf, isPending, type Message, RECIPIENT_STATUSES, type Tag } from '@kabutar/core/messages/message.ts'
import { lastEvent } from '@kabutar/core/sending/status.ts'
import type { Context } from 'hono'
import { limitOf, uuidOf } from './page.ts'

/** Lists are cut to as many addresses and tags, of at most `LENGTH` characters each. */
const MOST = 10
const LENGTH = 120
const FILTER_LENGTH = 200

const addresses = (list: readonly string[]) => list.slice(0, MOST).map(short)
const short = (text: string) => (text.length > LENGTH ? `${text.slice(0, LENGTH)}…` : text)

/** A message as the list shows it: no content but its first words, and lists of addresses and tags that are cut to ten. */
export function summaryOf(message: Message) {
  const { id, direction, from, to, cc, bcc, subject, preview, size } = message
  const recipients = recipientsOf(message)
  const isWaiting = direction === 'sent' && isPending(message) && message.notBefore > 0
  return {
    id,
    direction,
    captured: direction === 'sent' && message.captured === true,
    from: short(from),
    to: addresses(to),
    cc: addresses(cc),
    bcc: addresses(bcc),
    subject,
    preview,
    tags: tagsOf(message)
      .slice(0, MOST)
      .map(({ name, value }) => ({ name: short(name), value: short(value) })),
    created_at: createdAtOf(message).toISOString(),
    last_event: direction === 'sent' ? lastEvent(message.recipients) : null,
    size,
    attachments: direction === 'sent' ? (message.attachments ?? 0) : message.attachments.length,
    recipients: recipients.slice(0, MOST).map(({ address, last_event }) => ({ address: short(address), last_event })),
    recipients_count: recipients.length,
    next_attempt_at: isWaiting ? new Date(message.notBefore).toISOString() : null,
  }
}

const tagsOf = (message: Message) => (message.direction === 'sent' ? message.tags : [])

function recipientsOf(message: Message) {
  if (message.direction === 'sent')
    return message.recipients.map(({ address, status }) => ({ address, last_event: status }))
  return message.envelope.recipients.map((address) => ({ address, last_event: null }))
}

const DIRECTIONS = { sent: ['out'], captured: ['out'], received: ['in'] } as const
type Shown = keyof typeof DIRECTIONS

/** @throws {MailError} `invalid_message`, `invalid_parameter` */
export function activityOptionsOf(c: Context): ActivityOptions {
  const { after, limit } = c.req.query()
  const shown = directionOf(c.req.query('direction'))
  return {
    limit: limitOf(limit),
    ...(after !== undefined && { after: uuidOf(after, 'after') }),
    directions: shown === undefined ? ['out', 'in'] : DIRECTIONS[shown],
    matches: filterOf(c, shown),
  }
}

function directionOf(text: string | undefined): Shown | undefined {
  if (text === undefined || text in DIRECTIONS) return text as Shown | undefined
  throw new MailError('invalid_message', 'The `direction` parameter must be `sent`, `captured` or `received`.')
}

/** All that is asked for must hold: part of an address of a recipient or of From, part of a tag, all words, a status. */
function filterOf(c: Context, shown: Shown | undefined): ActivityOptions['matches'] {
  const [to, from, tag, q] = ['to', 'from', 'tag', 'q'].map((name) => textOf(c, name))
  const statuses = statusesOf(c.req.query('status'))
  const words = q?.split(/\s+/) ?? []
  if ([to, from, tag, q, statuses].every((one) => one === undefined) && shown !== 'captured') return undefined
  return (message) => {
    const isSent = message.direction === 'sent'
    if (shown === 'captured' && !(isSent && message.captured)) return false
    if (statuses !== undefined && !(isSent && statuses.includes(lastEvent(message.recipients)))) return false
    if (from !== undefined && !message.from.toLowerCase().includes(from)) return false
    if (to !== undefined && !addressedTo(message).some((address) => address.toLowerCase().includes(to))) return false
    if (tag !== undefined && !tagsOf(message).some((one) => textOfTag(one).includes(tag))) return false
    const shownText = words.length > 0 ? textOfRow(message) : ''
    return words.every((word) => shownText.includes(word))
  }
}

/** What a list shows of a message. */
const textOfRow = (message: Message) =>
  [message.subject, message.preview, message.from, ...addressedTo(message)].join('\n').toLowerCase()

const textOfTag = ({ name, value }: Tag) => `${name}:${value}`.toLowerCase()

const addressedTo = (message: Message): readonly string[] => [
  ...message.to,
  ...message.cc,
  ...message.bcc,
  ...recipientsOf(message).map(({ address }) => address),
]

function textOf(c: Context, name: string): string | undefined {
  const text = c.req.query(name)?.trim().toLowerCase()
  if (text !== undefined && text.length > FILTER_LENGTH) {
    throw new MailError('invalid_message', `The \`${name}\` parameter has at most ${FILTER_LENGTH} characters.`)
  }
  return text || undefined
}

function statusesOf(text: string | undefined): readonly string[] | undefined {
  if (text === undefined || text === '') return undefined
  const statuses = text.split(',')
  if (statuses.every((status) => (RECIPIENT_STATUSES as readonly string[]).includes(status))) return statuses
  throw new MailError('invalid_message', `The \`status\` parameter is a list of ${RECIPIENT_STATUSES.join(', ')}.`)
}
