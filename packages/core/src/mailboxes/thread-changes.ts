/** Changes of a whole thread: each is made message by message, in steps that are whole each. */
import { MailError } from '../errors.ts'
import type { Box } from '../store/mailbox-keys.ts'
import { changeEach } from './change.ts'
import { flagOne } from './flag.ts'
import { isSeen, isVisible, type Placement, type Thread, type ThreadFolder } from './model.ts'
import { moveOne } from './move.ts'
import { placeRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'
import { allMails, getThread } from './thread-mails.ts'

/** Marks the messages of a thread as read or unread. @throws {MailError} `not_found` @throws {StoreError} `Conflict` */
export async function readThread(ports: MailboxPorts, box: Box, threadId: string, read: boolean): Promise<Thread> {
  const thread = await getThread(ports.table, box, threadId)
  const mails = (await allMails(ports.table, box, thread)).filter((one) => isVisible(one) && isSeen(one) !== read)
  const change = { how: read ? 'add' : 'remove', flags: ['seen'], keywords: [] } as const
  await changeEach(ports, box, mails, (step, mail) => atPlace(step, mail, (at) => flagOne(step, at, change)))
  return getThread(ports.table, box, threadId)
}

/**
 * Moves a thread to a folder. Messages that we sent stay in `sent`, or go back there, unless all of the thread are; to trash
 * they go as well.
 * @throws {MailError} `not_found`; `invalid_parameter` for `sent`
 * @throws {StoreError} `Conflict`
 */
export async function moveThread(
  ports: MailboxPorts,
  box: Box,
  threadId: string,
  folder: ThreadFolder,
): Promise<Thread> {
  if (folder === 'sent') throw new MailError('invalid_parameter', 'A thread cannot be moved to sent.')
  const thread = await getThread(ports.table, box, threadId)
  const mails = (await allMails(ports.table, box, thread)).filter(isVisible)
  const isOutbound = mails.every(({ content }) => content.direction === 'sent')
  const moves = mails.flatMap((mail) => {
    const to = isOutbound ? folder : targetOf(mail, folder)
    return to === mail.folder ? [] : [{ mail, to }]
  })
  await changeEach(ports, box, moves, (step, { mail, to }) => atPlace(step, mail, (at) => moveOne(step, at, to)))
  return getThread(ports.table, box, threadId)
}

function targetOf({ folder, flags, content }: Placement, to: ThreadFolder): string {
  if (to === 'trash') return to
  const isGone = folder === 'trash' || folder === 'spam'
  if (flags.includes('draft')) return isGone ? 'drafts' : folder
  if (content.direction === 'sent') return isGone ? 'sent' : folder
  return to
}

/** Moves a thread to trash, from where it is expunged after 30 days. False if it was there. @throws as `moveThread` */
export async function trashThread(ports: MailboxPorts, box: Box, threadId: string): Promise<boolean> {
  const { folder } = await getThread(ports.table, box, threadId)
  if (folder === 'trash') return false
  await moveThread(ports, box, threadId, 'trash')
  return true
}

/** Does something with a message where it is by now; nothing if it has gone. */
export async function atPlace<T>(
  step: Step,
  { id }: Placement,
  work: (at: { readonly folder: string; readonly uid: number }) => Promise<T>,
): Promise<T | undefined> {
  const place = await step.read(placeRef(step.box, id))
  return place === undefined || 'expungedAt' in place ? undefined : work(place)
}
