/**
 * A mailbox is what an address owns; its folders, messages and changes lie in one partition, so that one `transact` takes
 * them from one state to the next. `modSeq` (RFC 7162) counts its changes: each takes exactly one number and writes one
 * change row, so a gap in the rows means that some have expired.
 */
import type { Item, Key, Table } from '../ports/table.ts'

/** The system flags of RFC 9051 section 2.3.2 as bits. */
export const FLAGS = { seen: 1, answered: 2, flagged: 4, deleted: 8, draft: 16 } as const

export type Folder = {
  readonly id: string
  readonly name: string
  /** RFC 6154; the inbox has one too. */
  readonly role: string
  /** 32 bits; new if a folder of the same name is made again. */
  readonly uidValidity: number
  readonly uidNext: number
  readonly total: number
  readonly unseen: number
  /** Bytes of its messages. */
  readonly bytes: number
  /** Of its last change. */
  readonly modSeq: number
}

/** One message in one folder. */
export type Placement = {
  readonly folder: string
  readonly uid: number
  /** The received message. */
  readonly id: string
  /** Bits of FLAGS. */
  readonly flags: number
  readonly keywords: readonly string[]
  readonly modSeq: number
  readonly createdModSeq: number
  readonly thread: string
  /** Bytes of the raw message. */
  readonly size: number
  /** INTERNALDATE in epoch milliseconds. */
  readonly receivedAt: number
  readonly blob: string
}

export type Change = {
  readonly modSeq: number
  readonly kind: 'arrived' | 'expunged'
  readonly folder: string
  readonly uid: number
  /** The message. */
  readonly id: string
}

export const INBOX = 'inbox'
const UID_DIGITS = 10
const MOD_SEQ_DIGITS = 16
/** Changes and guards are kept so long; who was away longer reads the mailbox anew. */
const KEPT_SECONDS = 90 * 24 * 3600

export const partitionOf = (accountId: string, mailboxId: string) => `${accountId}#mbx#${mailboxId}`
export const stateKey = (pk: string): Key => ({ pk, sk: 'state' })
export const folderKey = (pk: string, id: string): Key => ({ pk, sk: `folder#${id}` })
export const placementKey = (pk: string, folder: string, uid: number): Key => ({
  pk,
  sk: `msg#${folder}#${String(uid).padStart(UID_DIGITS, '0')}`,
})
/** Says that a received message was placed, and where; whoever moves it, moves this. Without a place it is gone. */
export const guardKey = (pk: string, id: string): Key => ({ pk, sk: `rcv#${id}` })
export const changeKey = (pk: string, modSeq: number): Key => ({
  pk,
  sk: `chg#${String(modSeq).padStart(MOD_SEQ_DIGITS, '0')}`,
})
export const expiryOf = (nowMs: number) => Math.floor(nowMs / 1000) + KEPT_SECONDS

export function folderItem(pk: string, { id, ...folder }: Folder): Item {
  return { ...folderKey(pk, id), ...folder }
}

export function folderOf(item: Item): Folder {
  const { pk: _, sk, ...folder } = item
  return { ...folder, id: sk.slice('folder#'.length) } as Folder
}

export function placementItem(pk: string, placement: Placement): Item {
  const { folder, uid, ...rest } = placement
  return { ...placementKey(pk, folder, uid), ...rest }
}

export function placementOf(item: Item): Placement {
  const { pk: _, sk, ...rest } = item
  const at = sk.lastIndexOf('#')
  return { ...rest, folder: sk.slice('msg#'.length, at), uid: Number(sk.slice(at + 1)) } as Placement
}

export function changeItem(pk: string, { modSeq, ...change }: Change, nowMs: number): Item {
  return { ...changeKey(pk, modSeq), ...change, ttl: expiryOf(nowMs) }
}

export function changeOf(item: Item): Change {
  const { pk: _, sk, ttl: __, ...change } = item
  return { ...change, modSeq: Number(sk.slice('chg#'.length)) } as Change
}

/** True if one of the mailboxes has, or had, the received message. */
export async function hasArrived(
  table: Table,
  accountId: string,
  mailboxIds: readonly string[],
  id: string,
): Promise<boolean> {
  const keys = mailboxIds.slice(0, 100).map((mailboxId) => guardKey(partitionOf(accountId, mailboxId), id))
  return (await table.getMany(keys)).some((guard) => guard !== undefined)
}
