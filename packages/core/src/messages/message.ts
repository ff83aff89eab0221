/** A sent message as its row tells it: the fact, the recipients, where the work on it stands, and a content that is short. */

import { timeOf } from '../ports/ids.ts'
import type { Attrs, Item, Json, Key, Table } from '../ports/table.ts'
import { row } from '../store/codec.ts'
import { accountOfKey, sentMessageKey } from '../store/keys.ts'
import { DUE_ATTRIBUTES, dueAt, dueOf } from '../store/outbox.ts'
import type { Tag } from './draft.ts'

export const RECIPIENT_STATUSES = [
  'queued',
  'sent',
  'delivery_delayed',
  'delivered',
  'opened',
  'clicked',
  'failed',
  'bounced',
  'suppressed',
  'complained',
] as const
export type RecipientStatus = (typeof RECIPIENT_STATUSES)[number]

export type Recipient = {
  readonly address: string
  readonly status: RecipientStatus
  /** Still ours to relay. */
  readonly pending: boolean
}
/** Who is at work on the message. A lease that ran out, or of a process that is gone, may be taken over. */
export type Lease = { readonly owner: string; readonly until: number }
/** Where the content lies: in the message's own row, a row beside it, a blob, or nowhere since it was deleted. */
export type ContentPlace = 'here' | 'row' | 'blob' | 'deleted'
/** Content in a row: its JSON, or base64 of `n` bytes of packed JSON and the files; `d` names the dictionary. */
export type StoredContent =
  | { readonly json: string }
  | { readonly data: string; readonly n: number; readonly d?: string }

export type Message = {
  readonly id: string
  readonly accountId: string
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  readonly replyTo: readonly string[]
  readonly subject: string
  readonly tags: readonly Tag[]
  /** The Message-ID that the recipient sees, with angle brackets. */
  readonly messageId: string
  readonly recipients: readonly Recipient[]
  readonly content: ContentPlace
  /** Only where the content is `here`. */
  readonly stored?: StoredContent
  readonly contentBytes: number
  /** Relay attempts begun. */
  readonly attempts: number
  /** Attempts of which nobody knows whether the next hop took the message. */
  readonly ambiguous: number
  /** Nobody relays before (epoch milliseconds). */
  readonly notBefore: number
  readonly lease?: Lease
  /** The sweep's time; gone once nobody is pending. */
  readonly due?: number
  /** Counts the writes of the work on it; each is conditional on the one before. */
  readonly version: number
}

/** The sweep looks after a new message when it is so old. */
export const FIRST_DUE_MS = 120_000

export function messageKey(accountId: string, id: string): Key {
  return sentMessageKey(accountId, id)
}

/** The Message-ID that we write: the same in each attempt, whatever a relay then puts in its place. */
export function ownMessageId(id: string, domain: string): string {
  return `<${id}@${domain}>`
}

/** The domain that a message is from, which its Message-ID and return path are in. */
export const fromDomain = ({ from }: Pick<Message, 'from'>): string =>
  from.slice(from.lastIndexOf('@') + 1, from.endsWith('>') ? -1 : undefined)

const ownIdOf = (message: Pick<Message, 'id' | 'from'>) => ownMessageId(message.id, fromDomain(message))

export const createdAtOf = (message: Pick<Message, 'id'>): Date => new Date(timeOf(message.id))

export function isPending(message: Message): boolean {
  return message.recipients.some((recipient) => recipient.pending)
}

const STATUS_CODES = 'qsdDocfbux'

/** The row of a new message; empty lists and zeroes are left out, since every byte is paid for. */
export function itemOf(message: Message): Item {
  const list = (name: string, values: readonly string[]): Attrs => (values.length > 0 ? { [name]: values } : {})
  return row('sent-message', messageKey(message.accountId, message.id), {
    from: message.from,
    to: message.to,
    ...list('cc', message.cc),
    ...list('bcc', message.bcc),
    ...list('replyTo', message.replyTo),
    subject: message.subject,
    ...(message.tags.length > 0 && { tags: message.tags.map(({ name, value }) => [name, value]) }),
    ...(message.messageId !== ownIdOf(message) && { messageId: message.messageId }),
    rcpt: recipientsAttr(message.recipients),
    content: message.content,
    bytes: message.contentBytes,
    ...message.stored,
    v: message.version,
    ...(message.due !== undefined && dueAt('sent-message', message.accountId, message.id, message.due)),
  })
}

/** `[address, code]`, or `[address, code, 1]` while pending. */
export function recipientsAttr(recipients: readonly Recipient[]): Json {
  return recipients.map(({ address, status, pending }) => {
    const code = STATUS_CODES[RECIPIENT_STATUSES.indexOf(status)] ?? 'q'
    return pending ? [address, code, 1] : [address, code]
  })
}

export function messageOf(item: Item): Message {
  const due = dueOf(item)
  const number = (name: string) => (typeof item[name] === 'number' ? item[name] : 0)
  const list = (name: string) => (item[name] ?? []) as readonly string[]
  const [id, from] = [item.sk, item.from as string]
  const stored = storedOf(item)
  return {
    id,
    accountId: accountOfKey(item),
    from,
    to: list('to'),
    cc: list('cc'),
    bcc: list('bcc'),
    replyTo: list('replyTo'),
    subject: item.subject as string,
    tags: ((item.tags ?? []) as readonly (readonly [string, string])[]).map(([name, value]) => ({ name, value })),
    messageId: (item.messageId as string | undefined) ?? ownIdOf({ id, from }),
    recipients: (item.rcpt as readonly (readonly [string, string, number?])[]).map(recipientOf),
    content: item.content as ContentPlace,
    ...(stored && { stored }),
    contentBytes: number('bytes'),
    attempts: number('attempts'),
    ambiguous: number('ambiguous'),
    notBefore: number('notBefore'),
    version: number('v'),
    ...(typeof item.leaseOwner === 'string' && { lease: { owner: item.leaseOwner, until: number('leaseUntil') } }),
    ...(due !== undefined && { due }),
  }
}

/** The content that a row holds, if it does. */
export function storedOf({ json, data, n, d }: Item): StoredContent | undefined {
  if (typeof json === 'string') return { json }
  if (typeof data !== 'string') return undefined
  return { data, n: n as number, ...(typeof d === 'string' && { d }) }
}

/** Of a message's row. */
export const CONTENT_ATTRIBUTES = ['json', 'data', 'n', 'd'] as const

function recipientOf([address, code, pending]: readonly [string, string, number?]): Recipient {
  const status = RECIPIENT_STATUSES[STATUS_CODES.indexOf(code)] ?? 'queued'
  return { address, status, pending: pending === 1 }
}

export async function readMessage(table: Table, accountId: string, id: string): Promise<Message | undefined> {
  const item = await table.get(messageKey(accountId, id))
  return item && messageOf(item)
}

/** What the work on a message changes. `lease` and `due`: null removes. */
export type Progress = {
  readonly recipients?: readonly Recipient[]
  readonly attempts?: number
  readonly ambiguous?: number
  readonly notBefore?: number
  readonly messageId?: string
  readonly lease?: Lease | null
  readonly due?: number | null
}

/**
 * Writes progress on exactly the version that was read.
 * @throws {StoreError} `ConditionFailed` if another worker was faster
 */
export async function writeProgress(
  table: Table,
  message: Pick<Message, 'accountId' | 'id' | 'version'>,
  progress: Progress,
): Promise<Message> {
  const { recipients, lease, due, ...counters } = progress
  const item = await table.write({
    kind: 'update',
    key: messageKey(message.accountId, message.id),
    set: {
      ...counters,
      v: message.version + 1,
      ...(recipients && { rcpt: recipientsAttr(recipients) }),
      ...(lease && { leaseOwner: lease.owner, leaseUntil: lease.until }),
      ...(due != null && { ...dueAt('sent-message', message.accountId, message.id, due), sweeps: 0 }),
    },
    remove: [...(lease === null ? ['leaseOwner', 'leaseUntil'] : []), ...(due === null ? DUE_ATTRIBUTES : [])],
    if: [{ attr: 'v', op: '=', value: message.version }],
  })
  return messageOf(item as Item)
}
