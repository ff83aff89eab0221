/**
 * What a mailbox consists of, as it is stored. A mailbox (Resend: inbox; IMAP and JMAP: account) is what an address owns; a
 * folder (IMAP and JMAP: mailbox) is one list of messages in it. `placement` is one message in one folder.
 */
import type { ContentRef } from '../messages/message.ts'
import type { Json } from '../ports/table.ts'

/** Each mailbox has one folder of each role from the start. Its id is its role. */
export const ROLES = ['inbox', 'sent', 'drafts', 'trash', 'spam', 'archive'] as const
export type Role = (typeof ROLES)[number]
export const isRole = (text: string): text is Role => (ROLES as readonly string[]).includes(text)

export type Mailbox = {
  readonly id: string
  readonly name: string
  /** In lower case; the first is the one that it sends from. `*@domain` takes what no other address of the domain takes. */
  readonly addresses: readonly string[]
  /** Octets of all placements; absent without a limit. */
  readonly quotaBytes?: number
  /** Epoch milliseconds. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** Guards every change: each is written on the condition that `modSeq` is as it was read, and raises it by one. */
export type MailboxState = {
  /** RFC 7162 section 3.1. */
  readonly modSeq: number
  readonly bytes: number
  readonly quotaBytes?: number
  /** The next folder's; no two folders of a mailbox ever share one. */
  readonly nextUidValidity: number
  /** Threads with an unseen message that are in neither spam nor trash. */
  readonly unreadThreads: number
  readonly drafts: number
  /** When the newest message was delivered, in epoch milliseconds. */
  readonly lastReceived?: number
  /** A long operation that other writers wait for until it ends or `until` (epoch milliseconds) is over. */
  readonly writer?: { readonly operation: string; readonly until: number }
  /** Placements that are visible already and whose threads and contents do not count them yet. */
  readonly pending?: { readonly folder: string; readonly next: number; readonly to: number }
  /** Set once the mailbox is deleted, while it is being emptied. */
  readonly deletedAt?: number
}

export type Folder = {
  readonly id: string
  /** In NFC, unique among its siblings. */
  readonly name: string
  /** The id of the folder that it is in. */
  readonly parent?: string
  readonly role?: Role
  readonly uidValidity: number
  readonly uidNext: number
  /** Counts of placements: all, those without \Seen, those with \Deleted, and those with neither. */
  readonly messages: number
  readonly unseen: number
  readonly deleted: number
  readonly unread: number
  /** Threads with a message here that is not \Deleted. */
  readonly threads: number
  readonly bytes: number
  /** Of the last change in the folder. */
  readonly modSeq: number
}

/** RFC 9051 section 2.3.2, without the backslash. */
export const SYSTEM_FLAGS = ['answered', 'deleted', 'draft', 'flagged', 'seen'] as const
export type SystemFlag = (typeof SYSTEM_FLAGS)[number]

export type Placement = {
  readonly folder: string
  readonly uid: number
  /** Of this message in the mailbox; a copy has one of its own. */
  readonly id: string
  readonly content: ContentRef
  /** Both sorted. Keywords are in lower case. */
  readonly flags: readonly SystemFlag[]
  readonly keywords: readonly string[]
  /** Of its last change, and of its creation. */
  readonly modSeq: number
  readonly createdModSeq: number
  /** Never changes. A thread that was joined to an older one names that (`Thread.into`). */
  readonly thread: string
  /** Octets. */
  readonly size: number
  readonly hasAttachment: boolean
  /** INTERNALDATE and SAVEDATE, in epoch milliseconds. */
  readonly receivedAt: number
  readonly savedAt: number
}

/** Where a message is. The row of an expunged message stays for 90 days, so that an entry that comes again is recognised. */
export type MessagePlace =
  | { readonly folder: string; readonly uid: number }
  | { readonly expungedAt: number; readonly ttl: number }

/** `sent` if it has outbound messages alone. Own folders count as archive. */
export type ThreadFolder = Exclude<Role, 'drafts'>
/** The newest message of a thread, of all or of some. */
export type Lead = {
  readonly id: string
  readonly receivedAt: number
  readonly content: ContentRef
  readonly folder: string
}

/** What a list shows of a thread. Messages that are \Deleted do not count, except in `placements`. */
export type Thread = {
  readonly id: string
  /** Threads that were joined to this one; their messages lie under their own ids. */
  readonly merged: readonly string[]
  readonly labels: readonly string[]
  readonly placements: number
  readonly emails: number
  readonly unread: number
  readonly drafts: number
  readonly attachments: number
  /** Messages by folder. */
  readonly folders: { readonly [folder: string]: number }
  readonly newest?: Lead
  /** The newest outside of sent and drafts, which tells the folder of the thread. */
  readonly main?: Lead
  readonly folder: ThreadFolder
  /** Of the newest message; lists are cut to what fits a row. */
  readonly subject: string
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly bcc: readonly string[]
  /** When its messages in trash and spam are expunged, in epoch milliseconds. */
  readonly expungeAt?: number
}
/** The row of a thread that was joined to an older one. */
export type JoinedThread = { readonly id: string; readonly into: string }

export type Label = { readonly id: string; readonly name: string; readonly color: string; readonly removedAt?: number }

export type Draft = {
  readonly id: string
  readonly fields: { readonly [field: string]: Json }
  /** The thread that it is a reply in. */
  readonly thread?: string
  /** Epoch milliseconds. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** From and to, inclusive. */
export type UidRange = readonly [number, number]
export type Change =
  | {
      readonly type: 'arrived' | 'appended' | 'flags' | 'expunged'
      readonly folder: string
      readonly uids: readonly UidRange[]
    }
  /** `uids` and `toUids` are in the same order. */
  | {
      readonly type: 'moved'
      readonly folder: string
      readonly uids: readonly UidRange[]
      readonly to: string
      readonly toUids: readonly UidRange[]
    }
  | { readonly type: 'folder_made' | 'folder_renamed' | 'folder_removed'; readonly folder: string }
  | { readonly type: 'label'; readonly label: string }
  | { readonly type: 'thread'; readonly thread: string }

export const MAX_FOLDERS = 1000
export const MAX_THREAD_LABELS = 20
export const MAX_MERGED = 16
/** The most messages that one COPY takes. */
export const MAX_COPIED = 10_000

/** Where a thread's messages are that do not tell its folder. */
export const isMainFolder = (folder: string): boolean => folder !== 'sent' && folder !== 'drafts'
export const isVisible = ({ flags }: Placement): boolean => !flags.includes('deleted')
export const isSeen = ({ flags }: Placement): boolean => flags.includes('seen')

export function emptyThread(id: string): Thread {
  const counts = { placements: 0, emails: 0, unread: 0, drafts: 0, attachments: 0, folders: {} }
  return { id, merged: [], labels: [], ...counts, folder: 'sent', subject: '', from: '', to: [], cc: [], bcc: [] }
}
