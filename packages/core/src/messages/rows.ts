/** The rows of messages. Their attributes have the names and the values of the entity's fields. */
import type { Attrs, Item, Json, Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { accountOfKey, receivedMessageKey, sentMessageKey } from '../store/keys.ts'
import { appendedMessageKey, idOfAppendedKey } from '../store/mailbox-keys.ts'
import { writeIf } from '../store/once.ts'
import { DUE_ATTRIBUTES, dueAt, dueOf } from '../store/outbox.ts'
import type {
  AppendedMessage,
  ComposedContent,
  InboundEnvelope,
  Lease,
  Message,
  ReceivedMessage,
  Recipient,
  SentMessage,
} from './message.ts'

/** The sweep looks at a new message when it is this old. */
export const FIRST_DUE_MS = 120_000

export function sentItem({ id, accountId, direction: _, due, ...fields }: SentMessage): Item {
  return row('sent-message', sentMessageKey(accountId, id), {
    ...(fields as unknown as Attrs),
    refs: 1,
    ...(due !== undefined && dueAt('sent-message', accountId, id, due)),
  })
}

export function sentOf(item: Item): SentMessage {
  const due = dueOf(item)
  const fields = fieldsOf(readRow('sent-message', item)) as unknown as Omit<SentMessage, 'direction' | 'due'>
  return { ...fields, direction: 'sent', ...(due !== undefined && { due }) }
}

export function receivedItem({ id, accountId, direction: _, ...fields }: ReceivedMessage): Item {
  return row('received-message', receivedMessageKey(accountId, id), { ...(fields as unknown as Attrs), refs: 1 })
}

export function receivedOf(item: Item): ReceivedMessage {
  const fields = fieldsOf(readRow('received-message', item)) as unknown as Omit<ReceivedMessage, 'direction'>
  return { ...fields, direction: 'received' }
}

export function appendedItem({ id, accountId, direction: _, ...fields }: AppendedMessage): Item {
  return row('appended-message', appendedMessageKey(accountId, id), { ...(fields as unknown as Attrs), refs: 1 })
}

export function appendedOf(item: Item): AppendedMessage {
  const fields = fieldsOf(readRow('appended-message', item)) as unknown as Omit<AppendedMessage, 'direction'>
  return { ...fields, id: idOfAppendedKey(item), direction: 'appended' }
}

/** The entity's fields; the row's own attributes are left out. */
function fieldsOf(item: Item): Attrs {
  const { pk: _, sk, format: __, gs1pk: ___, gs1sk: ____, sweeps: _____, refs: ______, ...fields } = item
  return { ...fields, id: sk, accountId: accountOfKey(item) }
}

export async function readSent(table: Table, accountId: string, id: string): Promise<SentMessage | undefined> {
  const item = await table.get(sentMessageKey(accountId, id))
  return item && sentOf(item)
}

/** True from the moment that the deletion of a received message was accepted until its row goes. */
export const isDeleted = (item: Item): boolean => item.deletedAt !== undefined

/** True once the content was deleted or has expired. */
export function hasNoContent({ content, expiredAt }: Item): boolean {
  return expiredAt !== undefined || ((content ?? {}) as Partial<ComposedContent>).place === 'deleted'
}

/** True once somebody deleted the content of a sent message: the row then says only that it was sent. */
export const isContentDeleted = (item: Item): boolean => hasNoContent(item) && item.expiredAt === undefined

/** Undefined also if its deletion was accepted. */
export async function readReceived(table: Table, accountId: string, id: string): Promise<ReceivedMessage | undefined> {
  const item = await table.get(receivedMessageKey(accountId, id))
  return item && !isDeleted(item) ? receivedOf(item) : undefined
}

/** Replaces a reconstructed envelope. @throws {StoreError} `ConditionFailed` once the message was deleted */
export async function writeEnvelope(
  table: Table,
  { accountId, id }: ReceivedMessage,
  envelope: InboundEnvelope,
): Promise<void> {
  await table.write({
    kind: 'update',
    key: receivedMessageKey(accountId, id),
    set: { envelope: envelope as unknown as Json },
    if: [{ exists: true }, { attr: 'deletedAt', op: 'absent' }],
  })
}

/** Replaces what was read of a message; false once the message was deleted or its content has expired. */
export async function writeListed(table: Table, received: ReceivedMessage): Promise<boolean> {
  const { accountId, id, from, to, cc, bcc, replyTo, subject, preview, messageId, attachments } = received
  const { content, undecoded, truncated } = received
  const always = { from, to, cc, bcc, replyTo, subject, preview, messageId, attachments, content }
  return writeIf(table, {
    kind: 'update',
    key: receivedMessageKey(accountId, id),
    set: { ...(always as unknown as Attrs), ...(undecoded && { undecoded }), ...(truncated && { truncated }) },
    remove: [...(undecoded ? [] : ['undecoded']), ...(truncated ? [] : ['truncated'])],
    if: [{ exists: true }, { attr: 'deletedAt', op: 'absent' }, { attr: 'expiredAt', op: 'absent' }],
  })
}

/**
 * Marks content as expired, and clears its first words: from then on no reader finds any. Conditional on the version of a sent message, so that nothing
 * expires that a worker takes up, and on a received one not being deleted. False if that failed.
 */
export function markExpired(table: Table, message: Message, now: number): Promise<boolean> {
  const { accountId, id } = message
  const set = { expiredAt: now, preview: '' }
  if (message.direction === 'sent') {
    const isAsRead = [{ attr: 'version', op: '=', value: message.version }, LISTED_ALONE] as const
    return writeIf(table, { kind: 'update', key: sentMessageKey(accountId, id), set, if: isAsRead })
  }
  const isThere = [{ exists: true }, { attr: 'deletedAt', op: 'absent' }, LISTED_ALONE] as const
  return writeIf(table, { kind: 'update', key: receivedMessageKey(accountId, id), set, if: isThere })
}

/** No mailbox has the message. */
const LISTED_ALONE = { attr: 'refs', op: '<=', value: 1 } as const

/** Writes that nothing is left of expired content, or of the events of a message. */
export function writeGone(table: Table, message: Message, gone: 'content' | { readonly eventsAt: number }) {
  const { accountId, id } = message
  const key = (message.direction === 'sent' ? sentMessageKey : receivedMessageKey)(accountId, id)
  const content =
    message.direction === 'sent'
      ? { form: 'composed', place: 'deleted' }
      : { ...message.content, reading: { place: 'deleted' } }
  const set = gone === 'content' ? { content } : { eventsExpiredAt: gone.eventsAt }
  return writeIf(table, { kind: 'update', key, set: set as Attrs, if: [{ exists: true }] })
}

/** A change by the work on a message. `lease` and `due`: null removes. */
export type Progress = {
  readonly recipients?: readonly Recipient[]
  readonly attempts?: number
  readonly ambiguous?: number
  readonly notBefore?: number
  readonly messageId?: string
  readonly captured?: boolean
  readonly lease?: Lease | null
  readonly due?: number | null
}

/**
 * Writes progress on exactly the version that was read.
 * @throws {StoreError} `ConditionFailed` if another worker was faster
 */
export async function writeProgress(
  table: Table,
  { accountId, id, version }: Pick<SentMessage, 'accountId' | 'id' | 'version'>,
  { lease, due, ...fields }: Progress,
): Promise<SentMessage> {
  const item = await table.write({
    kind: 'update',
    key: sentMessageKey(accountId, id),
    set: {
      ...(fields as Attrs),
      version: version + 1,
      ...(lease && { lease }),
      ...(due != null && { ...dueAt('sent-message', accountId, id, due), sweeps: 0 }),
    },
    remove: [...(lease === null ? ['lease'] : []), ...(due === null ? DUE_ATTRIBUTES : [])],
    if: [{ attr: 'version', op: '=', value: version }],
  })
  return sentOf(item as Item)
}
