/** The rows of a mailbox. Their attributes have the names and the values of the entity's fields. */
import type { Attrs, Item, Key } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import type { RowKind } from '../store/keys.ts'
import {
  type Box,
  draftKey,
  folderKey,
  labelKey,
  mailboxJobKey,
  mailboxKey,
  mailboxStateKey,
  messagePlaceKey,
  placementKey,
  threadKey,
  threadMailKey,
  threadMessageIdKey,
  threadSubjectKey,
} from '../store/mailbox-keys.ts'
import type {
  Draft,
  Folder,
  JoinedThread,
  Label,
  Mailbox,
  MailboxState,
  MessagePlace,
  Placement,
  Thread,
} from './model.ts'

/** The key of a row and the entity that it holds. */
export type RowRef<T> = { readonly kind: RowKind; readonly key: Key; readonly entity?: T }

export const mailboxRef = (box: Box): RowRef<Mailbox> => ({ kind: 'mailbox', key: mailboxKey(box) })
export const stateRef = (box: Box): RowRef<MailboxState> => ({ kind: 'mailbox-state', key: mailboxStateKey(box) })
export const folderRef = (box: Box, id: string): RowRef<Folder> => ({ kind: 'folder', key: folderKey(box, id) })
export const placementRef = (box: Box, at: { readonly folder: string; readonly uid: number }): RowRef<Placement> => ({
  kind: 'placement',
  key: placementKey(box, at.folder, at.uid),
})
export const placeRef = (box: Box, id: string): RowRef<MessagePlace> => ({
  kind: 'message-place',
  key: messagePlaceKey(box, id),
})
export const threadRef = (box: Box, id: string): RowRef<Thread | JoinedThread> => ({
  kind: 'thread',
  key: threadKey(box, id),
})
/** Where a message of a thread is. */
export type ThreadMail = { readonly folder: string; readonly uid: number }
export const threadMailRef = (box: Box, { thread, receivedAt, id }: Placement): RowRef<ThreadMail> => ({
  kind: 'thread-mail',
  key: threadMailKey(box, thread, receivedAt, id),
})
export const messageIdRef = (box: Box, messageId: string): RowRef<{ readonly thread: string }> => ({
  kind: 'thread-message-id',
  key: threadMessageIdKey(box, messageId),
})
/** The newest message of a subject with a participant: its thread and time. */
export type SubjectThread = { readonly thread: string; readonly at: number }
export const subjectRef = (box: Box, subject: string, participant: string): RowRef<SubjectThread> => ({
  kind: 'thread-subject',
  key: threadSubjectKey(box, subject, participant),
})
export const labelRef = (box: Box, id: string): RowRef<Label> => ({ kind: 'label', key: labelKey(box, id) })
export const draftRef = (box: Box, id: string): RowRef<Draft> => ({ kind: 'draft', key: draftKey(box, id) })
export const JOBS = ['expunge-thread', 'empty-folder', 'clear-label', 'empty-mailbox'] as const
export type JobKind = (typeof JOBS)[number]
/** `subject`: the thread, folder, label or mailbox. It also has the attributes of a due row. */
export type MailboxJob = {
  readonly job: JobKind
  readonly subject: string
  /** Of the folder that is to be emptied. */
  readonly uidNext?: number
}
export const jobRef = (box: Box, job: JobKind, subject: string): RowRef<MailboxJob> => ({
  kind: 'mailbox-job',
  key: mailboxJobKey(box, job, subject),
})

/** A new row that holds the entity. */
export function itemOf<T>({ kind, key }: RowRef<T>, entity: T): Item {
  return row(kind, key, entity as unknown as Attrs)
}

/** The entity of a row. @throws {StoreError} `UnknownFormat` */
export function entityOf<T>({ kind }: Pick<RowRef<T>, 'kind'> & { readonly entity?: T }, item: Item): T {
  const { pk: _, sk: __, format: ___, gs1pk: ____, gs1sk: _____, sweeps: ______, ...fields } = readRow(kind, item)
  return fields as unknown as T
}

export const mailboxJobOf = (item: Item): MailboxJob => entityOf<MailboxJob>({ kind: 'mailbox-job' }, item)
