/**
 * Counts what names the content of a message: the account's list, and each placement in a mailbox. The count is an attribute
 * of the message's row and changes in the transaction that makes or deletes what names it. A count of 0 is final: nothing
 * names the content again, and its bytes go when the row is due.
 */
import type { Attrs, Item, Key, Update } from '../ports/table.ts'
import { readRow } from '../store/codec.ts'
import { accountOfKey, receivedMessageKey, sentMessageKey } from '../store/keys.ts'
import { appendedMessageKey, idOfAppendedKey } from '../store/mailbox-keys.ts'
import { dueAt } from '../store/outbox.ts'
import type { ContentRef } from './message.ts'
import { FIRST_DUE_MS } from './rows.ts'

/** A session that was not told of an expunge yet can fetch the message for so long. */
export const CONTENT_KEPT_MS = 24 * 3_600_000

export function contentKey(accountId: string, { direction, id }: ContentRef): Key {
  if (direction === 'appended') return appendedMessageKey(accountId, id)
  return direction === 'sent' ? sentMessageKey(accountId, id) : receivedMessageKey(accountId, id)
}

const KINDS = { sent: 'sent-message', received: 'received-message', appended: 'appended-message' } as const

/** The row of a message, if this version can read it. @throws {StoreError} `UnknownFormat` */
export function contentRow({ direction }: ContentRef, item: Item | undefined): Item | undefined {
  return readRow(KINDS[direction], item)
}

const referencesOf = ({ refs }: Item): number => (typeof refs === 'number' ? refs : 0)
/** True if something besides the account's list names the content. */
export const isPlaced = (item: Item): boolean => referencesOf(item) > (item.deletedAt === undefined ? 1 : 0)
export const hasReferences = (item: Item): boolean => referencesOf(item) > 0

/** Adds `by` to the count of a row, on the condition that it is as it was read. At 0 the row becomes due after a day. */
export function referencing({ direction }: ContentRef, item: Item, by: number, now: number): Update {
  const left = referencesOf(item) + by
  const at = now + CONTENT_KEPT_MS
  const account = accountOfKey(item)
  let due: Attrs = {}
  if (left === 0 && direction === 'appended') due = dueAt('appended-message', account, idOfAppendedKey(item), at)
  if (left === 0 && direction === 'received') due = dueAt('received-message', account, item.sk, at)
  const write = counted(item, left, left === 0 ? { ...due, sweeps: 0 } : {})
  return by > 0 ? { ...write, if: [...(write.if ?? []), { attr: 'expiredAt', op: 'absent' }] } : write
}

/** Takes a received message out of the account's list. If nothing else names it, the sweep finishes what a crash leaves. */
export function unlisting(item: Item, now: number): Update {
  const left = referencesOf(item) - 1
  const due = dueAt('received-message', accountOfKey(item), item.sk, now + FIRST_DUE_MS)
  return counted(item, left, { deletedAt: now, ...(left === 0 && { ...due, sweeps: 0 }) })
}

function counted(item: Item, refs: number, set: Attrs): Update {
  const key = { pk: item.pk, sk: item.sk }
  return { kind: 'update', key, set: { ...set, refs }, if: [{ attr: 'refs', op: '=', value: referencesOf(item) }] }
}
