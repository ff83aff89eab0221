/**
 * The rows of mailboxes and their keys. Everything in a mailbox is one partition, so that one row of it, the state, can
 * guard every change.
 */
import { createHash } from 'node:crypto'
import type { Key } from '../ports/table.ts'

const inMailbox = (sk: string, holds: string) => ({ pk: '<account>#mbx#<mailbox>', sk, holds, format: 1 })

/** Part of `ROWS` in keys.ts. */
export const MAILBOX_ROWS = {
  mailbox: { pk: '<account>#mailboxes', sk: '<mailbox>', holds: 'a mailbox: its name and addresses', format: 1 },
  address: {
    pk: '<account>#addresses',
    sk: '<address>',
    holds: 'the mailbox that an address, or `*@domain`, leads to',
    format: 1,
  },
  'appended-message': {
    pk: '<account>#app#<id>',
    sk: 'v',
    holds: 'a message that was put into a mailbox and never sent or received',
    format: 1,
  },
  'mailbox-state': inMailbox('state', 'the counter of changes of a mailbox, and its sums'),
  folder: inMailbox('folder#<folder>', 'a folder: its name, role, next uid and counts'),
  placement: inMailbox('msg#<folder>#<uid>', 'a message in a folder: its flags, thread and content'),
  'message-place': inMailbox('at#<id>', 'the folder and uid of a message, or that it was expunged'),
  thread: inMailbox('thr#<thread>', 'a thread as a list shows it, and its counts'),
  'thread-mail': inMailbox('mail#<thread>#<received at>#<id>', 'the folder and uid of a message of a thread'),
  'thread-order': inMailbox('ord#<list>#<last activity>#<thread>', 'that a list has the thread'),
  'thread-message-id': inMailbox('mid#<hash>', 'the thread that a Message-ID belongs to in this mailbox'),
  'thread-subject': inMailbox('subj#<hash>', 'the newest thread of a subject with a participant'),
  'mailbox-change': inMailbox('chg#<modSeq>', 'what a step changed'),
  label: inMailbox('label#<label>', 'a label: its name and colour'),
  draft: inMailbox('draft#<draft>', 'a draft: its fields'),
  'mailbox-job': inMailbox('job#<job>#<subject>', 'work that remains to be done in a mailbox'),
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 32)
const padded = (value: number, digits: number) => String(value).padStart(digits, '0')

/** A mailbox, and the account that it belongs to. */
export type Box = { readonly accountId: string; readonly mailboxId: string }

export const mailboxPartition = (accountId: string): string => `${accountId}#mailboxes`
export const mailboxKey = ({ accountId, mailboxId }: Box): Key => ({ pk: mailboxPartition(accountId), sk: mailboxId })
/** Addresses are compared in lower case. */
export const addressKey = (accountId: string, address: string): Key => ({
  pk: `${accountId}#addresses`,
  sk: address.toLowerCase(),
})
export const appendedMessageKey = (accountId: string, id: string): Key => ({ pk: `${accountId}#app#${id}`, sk: 'v' })
/** The id in the key of an appended message. */
export const idOfAppendedKey = ({ pk }: Key): string => pk.slice(pk.lastIndexOf('#') + 1)

export const contentsPartition = ({ accountId, mailboxId }: Box): string => `${accountId}#mbx#${mailboxId}`
const within = (box: Box, sk: string): Key => ({ pk: contentsPartition(box), sk })
export const mailboxStateKey = (box: Box): Key => within(box, 'state')
export const FOLDERS = 'folder#'
export const folderKey = (box: Box, folder: string): Key => within(box, `${FOLDERS}${folder}`)
/** Sort keys order uids of 32 bits (RFC 9051 section 2.3.1.1) as numbers. */
export const placementSortKey = (folder: string, uid: number): string => `msg#${folder}#${padded(uid, 10)}`
export const placementKey = (box: Box, folder: string, uid: number): Key => within(box, placementSortKey(folder, uid))
export const PLACEMENTS = 'msg#'
export const messagePlaceKey = (box: Box, id: string): Key => within(box, `at#${id}`)
export const threadKey = (box: Box, thread: string): Key => within(box, `thr#${thread}`)
export const threadMailPrefix = (thread: string): string => `mail#${thread}#`
/** The rest of a sort key under `threadMailPrefix`, which orders messages by time. */
export const threadMailOrder = (receivedAt: number, id: string): string => `${padded(receivedAt, 15)}#${id}`
export const threadMailKey = (box: Box, thread: string, receivedAt: number, id: string): Key =>
  within(box, `${threadMailPrefix(thread)}${threadMailOrder(receivedAt, id)}`)
export const threadOrderPrefix = (list: string): string => `ord#${list}#`
/** The rest of a sort key under `threadOrderPrefix`. */
export const threadOrder = (lastActivity: number, thread: string): string => `${padded(lastActivity, 15)}#${thread}`
export const threadOrderKey = (box: Box, list: string, lastActivity: number, thread: string): Key =>
  within(box, `${threadOrderPrefix(list)}${threadOrder(lastActivity, thread)}`)
/** `messageId`: with its angle brackets. */
export const threadMessageIdKey = (box: Box, messageId: string): Key => within(box, `mid#${hash(messageId)}`)
export const threadSubjectKey = (box: Box, subject: string, participant: string): Key =>
  within(box, `subj#${hash(JSON.stringify([subject, participant]))}`)
export const mailboxChangeKey = (box: Box, modSeq: number): Key => within(box, `chg#${padded(modSeq, 15)}`)
export const LABELS = 'label#'
export const labelKey = (box: Box, label: string): Key => within(box, `${LABELS}${label}`)
export const DRAFTS = 'draft#'
export const draftKey = (box: Box, draft: string): Key => within(box, `${DRAFTS}${draft}`)
export const mailboxJobKey = (box: Box, job: string, subject: string): Key => within(box, `job#${job}#${subject}`)

/** The mailbox that the key of a row in it names. */
export function boxOfKey({ pk }: Key): Box {
  const [accountId = '', , mailboxId = ''] = pk.split('#')
  return { accountId, mailboxId }
}
