/**
 * A mailbox is what an address owns; its folders, messages and changes lie in one partition, so that one `transact` takes
 * them from one state to the next. `modSeq` (RFC 7162) counts its changes, each of which takes exactly one number. The
 * row of the inbox, which every mailbox has, is also the row of the mailbox: nearly every change is one of the inbox, and
 * a row less is written for it.
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

/** What one read of a mailbox tells. */
export type MailboxState = {
  /** The number of its last change. */
  readonly newest: number
  /** Its last changes, as change-log.ts writes them, which no other row has yet. */
  readonly recent: readonly string[]
  readonly inbox: Folder
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
  /** Key of the raw message. */
  readonly blob: string
}

export const INBOX = 'inbox'
const UID_DIGITS = 10
/** Bars and the guards of what was deleted are kept so long: longer than any entry lies in a queue. */
const KEPT_SECONDS = 90 * 24 * 3600

export const partitionOf = (accountId: string, mailboxId: string) => `${accountId}#mbx#${mailboxId}`
export const folderKey = (pk: string, id: string): Key => ({ pk, sk: `folder#${id}` })
export const stateKey = (pk: string): Key => folderKey(pk, INBOX)
export const placementKey = (pk: string, folder: string, uid: number): Key => ({
  pk,
  sk: `msg#${folder}#${String(uid).padStart(UID_DIGITS, '0')}`,
})
export const expiryOf = (nowMs: number) => Math.floor(nowMs / 1000) + KEPT_SECONDS

/** All rows that say where a raw message went: whoever has only its key asks here. */
export const blobPartition = (blob: string) => `rcv#${blob}`
const GUARD = 'mbx#'
/**
 * Says that a raw message was placed in a mailbox, and where; whoever moves it, moves this. Without a place it is gone.
 * It also holds the message's detail, if that is small (detail.ts).
 */
export const guardKey = (blob: string, mailboxId: string): Key => ({
  pk: blobPartition(blob),
  sk: `${GUARD}${mailboxId}`,
})

export function newMailboxItem(pk: string, inbox: Folder): Item {
  return { ...folderItem(pk, inbox), newest: inbox.modSeq, recent: [] }
}

export function stateOf(item: Item): MailboxState {
  return { newest: item.newest as number, recent: item.recent as readonly string[], inbox: folderOf(item) }
}

export function folderItem(pk: string, { id, ...folder }: Folder): Item {
  return { ...folderKey(pk, id), ...folder }
}

export function folderOf(item: Item): Folder {
  const { pk: _, sk, newest: __, recent: ___, ...folder } = item
  return { ...folder, id: sk.slice('folder#'.length) } as Folder
}

/** A thread that the message began is left out. */
export function placementItem(pk: string, placement: Placement): Item {
  const { folder, uid, thread, ...rest } = placement
  return { ...placementKey(pk, folder, uid), ...rest, ...(thread !== rest.id && { thread }) }
}

export function placementOf(item: Item): Placement {
  const { pk: _, sk, ...rest } = item
  const at = sk.lastIndexOf('#')
  return { thread: rest.id, ...rest, folder: sk.slice('msg#'.length, at), uid: Number(sk.slice(at + 1)) } as Placement
}

/** True if a mailbox has, or had, the raw message. One query. */
export async function hasArrived(table: Table, blob: string): Promise<boolean> {
  const { items } = await table.query({ pk: blobPartition(blob), prefix: GUARD, limit: 1 })
  return items.length > 0
}
