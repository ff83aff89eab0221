/**
 * Every row of the product: its partition key, its sort key and the number of its format. All keys are made here and in
 * mailbox-keys.ts, so that this table is the data model. An account's id leads each key, except where the row belongs to no account.
 */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { timeOf } from '../ports/ids.ts'
import type { Key } from '../ports/table.ts'
import { MAILBOX_ROWS } from './mailbox-keys.ts'

type RowShape = {
  readonly pk: string
  readonly sk: string
  readonly holds: string
  /** Rises with each change of the attributes that an older version could misread. */
  readonly format: number
}
const shape = (pk: string, sk: string, holds: string, format = 1): RowShape => ({ pk, sk, holds, format })

/** Each name in angle brackets stands for one value; `<account>` is an account's id, `<day>` a UTC day as 2026-01-31. */
export const ROWS = {
  account: shape('accounts', '<account>', 'an account: its name, and how long its mail is kept'),
  'api-key': shape('<account>#keys', '<key id>', 'an API key as it is listed'),
  'api-key-token': shape('key#<sha256 of the token>', 'key', 'the rights of an API key'),
  count: shape('<account>#counts', '<what>', 'how many of a kind the account has, or made on a day'),
  'reputation-day': shape('<account>#reputation', 'day#<day>', 'mails sent, bounced, complained of'),
  'account-pause': shape('<account>#reputation', 'pause', 'why the account may not send'),
  storage: shape('<account>#storage', 'v', 'the octets that the account stores, summed each hour'),
  domain: shape('<account>#domains', '<domain id>', 'a domain as the account sees it'),
  'domain-owner': shape('domain#<name>', 'owner', 'the account that the domain is verified for'),
  'domain-claim': shape('domain#<name>', 'pending', 'the account that is proving the domain'),
  'dkim-key': shape('domain#<name>', 'dkim', 'the private key of a domain (embedded)'),
  suppression: shape('<account>#suppressions', '<address>', 'an address that is not sent to'),
  'suppression-id': shape('<account>#suppressions#ids', '<id>', 'the same, by the id that lists page by'),
  'sent-message': shape('<account>#out#<day>#<shard>', '<id>', 'a sent message, its first words, and the work on it'),
  'message-content': shape('<account>#body#<id>', 'v', 'what a sent message says, if it is not small'),
  'received-message': shape('<account>#in#<day>#<shard>', '<id>', 'a received message and its first words'),
  'received-reading': shape('<account>#reading#<id>', 'v', 'what a received message says, if it is not small'),
  day: shape('<account>#days', '<direction>#<day>', 'that messages of the day exist'),
  'delivery-day': shape('<account>#days', 'hook#<endpoint>#<day>', 'that deliveries of the day exist'),
  'message-id': shape('<account>#mid#<hash>', 'v', 'the thread that a Message-ID belongs to'),
  idempotency: shape('<account>#idem#<sha256 of the key>', 'v', 'the answer to an idempotency key'),
  upload: shape('<account>#uploads', '<id>', 'a file that came before its message'),
  event: shape('<account>#ev#<message>', '<event id>', 'an event and its webhook data, frozen'),
  endpoint: shape('<account>#webhooks', '<endpoint>', 'a webhook endpoint'),
  delivery: shape('<account>#hook#<endpoint>#<day>#<shard>', '<event id>', 'an event on its way to an endpoint'),
  'relay-pause': shape('relay#pause', 'v', 'why and until when the relay takes no mail'),
  'view-secret': shape('view#secret', 'v', 'what signs the links to messages that are shown'),
  'send-rate': shape('relay#rate', 'v', 'how many recipients a second SES takes, and who asks (AWS)'),
  'waiting-entry': shape('waiting#<queue>', '<sha256 of the entry>', 'a queue entry that waits for a store (AWS)'),
  'outbox-kind': shape('due#kinds', '<kind>', 'that rows of the kind carry `due`'),
  'ses-receipt': shape('ses#<object>', 'v', 'when a message of SES came, and whose it is (AWS)'),
  'receipt-rules-lease': shape('lease#receipt-rules', '<rule set>', 'who changes the receipt rules (AWS)'),
  ...MAILBOX_ROWS,
}

export type RowKind = keyof typeof ROWS
export type Direction = 'out' | 'in'

/** Shards of a day, so that no account is bound by the rate of one partition. */
export const DAY_SHARDS = 8
/** Shards of the index of due rows, of each kind. */
export const DUE_SHARDS = 16
/** Sorts after every text that a key continues with. */
const AFTER_ALL = '~'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
/** Chooses the shard by the last hexadecimal digit of an id, which is random. */
const shardOf = (id: string) => Number.parseInt(id.at(-1) ?? '0', 16) % DAY_SHARDS

/** The UTC day of a time in epoch milliseconds, as `2026-01-31`. */
export const utcDay = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
/** The UTC day that a message's id tells. */
export const dayOfId = (id: string): string => utcDay(timeOf(id))
/** The account that leads a key. */
export const accountOfKey = ({ pk }: Key): string => pk.slice(0, pk.indexOf('#'))

/** One partition, so that the operator can list the accounts, which are few. */
export const accountPartition = 'accounts'
export const accountKey = (accountId: string): Key => ({ pk: accountPartition, sk: accountId })
export const apiKeyPartition = (accountId: string): string => `${accountId}#keys`
export const apiKeyKey = (accountId: string, id: string): Key => ({ pk: apiKeyPartition(accountId), sk: id })
export const apiKeyTokenKey = (sha256OfToken: string): Key => ({ pk: `key#${sha256OfToken}`, sk: 'key' })

/** `domains-<day>`: the domains that were added on a day. */
type Counted = 'keys' | 'webhooks' | 'uploads' | 'mailboxes' | `domains-${string}`
export const countKey = (accountId: string, what: Counted): Key => ({ pk: `${accountId}#counts`, sk: what })

export const reputationPartition = (accountId: string): string => `${accountId}#reputation`
export const REPUTATION_DAYS = 'day#'
export const reputationDayKey = (accountId: string, day: string): Key => ({
  pk: reputationPartition(accountId),
  sk: `${REPUTATION_DAYS}${day}`,
})
export const accountPauseKey = (accountId: string): Key => ({ pk: reputationPartition(accountId), sk: 'pause' })
export const RELAY_PAUSE_KEY: Key = { pk: 'relay#pause', sk: 'v' }

export const storageKey = (accountId: string): Key => ({ pk: `${accountId}#storage`, sk: 'v' })

export const SEND_RATE_KEY: Key = { pk: 'relay#rate', sk: 'v' }

export const domainPartition = (accountId: string): string => `${accountId}#domains`
export const domainKey = (accountId: string, id: string): Key => ({ pk: domainPartition(accountId), sk: id })
export const domainOwnerKey = (name: string): Key => ({ pk: `domain#${name}`, sk: 'owner' })
export const domainClaimKey = (name: string): Key => ({ pk: `domain#${name}`, sk: 'pending' })
export const dkimKeyKey = (name: string): Key => ({ pk: `domain#${name}`, sk: 'dkim' })

/** Addresses are compared in lower case. */
export const suppressionKey = (accountId: string, address: string): Key => ({
  pk: `${accountId}#suppressions`,
  sk: address.toLowerCase(),
})
export const suppressionIdPartition = (accountId: string): string => `${accountId}#suppressions#ids`
export const suppressionIdKey = (accountId: string, id: string): Key => ({
  pk: suppressionIdPartition(accountId),
  sk: id,
})

/** One shard of the messages of a day. */
export const messagePartition = (accountId: string, direction: Direction, day: string, shard: number): string =>
  `${accountId}#${direction}#${day}#${shard}`
/** A message's id tells its day and its shard. */
const messageKey = (accountId: string, direction: Direction, id: string): Key => ({
  pk: messagePartition(accountId, direction, dayOfId(id), shardOf(id)),
  sk: id,
})
export const sentMessageKey = (accountId: string, id: string): Key => messageKey(accountId, 'out', id)
export const receivedMessageKey = (accountId: string, id: string): Key => messageKey(accountId, 'in', id)
export type MessageRef = { readonly direction: Direction; readonly id: string }

/** The message whose own row a key names; undefined for the key of any other row. */
export function messageOfKey({ pk, sk }: Key): (MessageRef & { readonly accountId: string }) | undefined {
  const [accountId = '', direction, day] = pk.split('#')
  return day !== undefined && (direction === 'out' || direction === 'in') ? { accountId, direction, id: sk } : undefined
}
export const messageContentKey = (accountId: string, id: string): Key => ({ pk: `${accountId}#body#${id}`, sk: 'v' })
export const receivedReadingKey = (accountId: string, id: string): Key => ({
  pk: `${accountId}#reading#${id}`,
  sk: 'v',
})
export const dayPartition = (accountId: string): string => `${accountId}#days`
export const dayPrefix = (direction: Direction): string => `${direction}#`
export const dayKey = (accountId: string, direction: Direction, day: string): Key => ({
  pk: dayPartition(accountId),
  sk: `${dayPrefix(direction)}${day}`,
})

/** `messageId`: a Message-ID of RFC 5322 section 3.6.4, with its angle brackets. */
export const messageIdKey = (accountId: string, messageId: string): Key => ({
  pk: `${accountId}#mid#${sha256(messageId).slice(0, 32)}`,
  sk: 'v',
})
export const idempotencyKey = (accountId: string, key: string): Key => ({
  pk: `${accountId}#idem#${sha256(key)}`,
  sk: 'v',
})
export const uploadPartition = (accountId: string): string => `${accountId}#uploads`
export const uploadKey = (accountId: string, id: string): Key => ({ pk: uploadPartition(accountId), sk: id })

/** `subjectId`: the message that the event speaks of; an id of the event's own where there is none. */
export const eventPartition = (accountId: string, subjectId: string): string => `${accountId}#ev#${subjectId}`
export const eventKey = (accountId: string, subjectId: string, eventId: string): Key => ({
  pk: eventPartition(accountId, subjectId),
  sk: eventId,
})
export const endpointPartition = (accountId: string): string => `${accountId}#webhooks`
export const endpointKey = (accountId: string, id: string): Key => ({ pk: endpointPartition(accountId), sk: id })
export const deliveryPartition = (accountId: string, endpointId: string, day: string, shard: number): string =>
  `${accountId}#hook#${endpointId}#${day}#${shard}`
export const deliveryKey = (accountId: string, endpointId: string, day: string, eventId: string): Key => ({
  pk: deliveryPartition(accountId, endpointId, day, shardOf(eventId)),
  sk: eventId,
})
/** The endpoint that a delivery's key names. */
export const endpointOfKey = ({ pk }: Key): string => pk.split('#')[2] ?? ''
export const deliveryDayPrefix = (endpointId: string): string => `hook#${endpointId}#`
export const deliveryDayKey = (accountId: string, endpointId: string, day: string): Key => ({
  pk: dayPartition(accountId),
  sk: `${deliveryDayPrefix(endpointId)}${day}`,
})

/** One shard of the index of rows that are due, of one kind. All rows of an account are in the same shard. */
export const duePartition = (kind: string, shard: number): string => `due#${kind}#${shard}`
export const dueShard = (accountId: string): number => crc32(accountId) % DUE_SHARDS
const DUE_TIME_DIGITS = 15
const dueTime = (ms: number) => String(Math.ceil(ms)).padStart(DUE_TIME_DIGITS, '0')
/** Sorts rows of the index by the time at which they are due, in epoch milliseconds. */
export const dueSortKey = (id: string, at: number): string => `${dueTime(at)}#${id}`
/** The upper bound of everything that is due until a time. */
export const dueSortKeyUntil = (at: number): string => `${dueTime(at)}${AFTER_ALL}`
export const timeOfDueSortKey = (sortKey: string): number => Number(sortKey.slice(0, DUE_TIME_DIGITS))
export const VIEW_SECRET_KEY: Key = { pk: 'view#secret', sk: 'v' }
export const outboxKindPartition = 'due#kinds'
export const outboxKindKey = (kind: string): Key => ({ pk: outboxKindPartition, sk: kind })

export const waitingEntryKey = (queue: string, sha256OfEntry: string): Key => ({
  pk: `waiting#${queue}`,
  sk: sha256OfEntry,
})
/** The queue that the key of a waiting entry names. */
export const queueOfWaitingEntry = ({ pk }: Key): string => pk.slice(pk.indexOf('#') + 1)

/** `object`: the key under which SES stored the message. */
export const sesReceiptKey = (object: string): Key => ({ pk: `ses#${object}`, sk: 'v' })
export const receiptRulesLeaseKey = (ruleSet: string): Key => ({ pk: 'lease#receipt-rules', sk: ruleSet })
