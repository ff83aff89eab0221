/** Works off what was accepted at once and takes time: folders and mailboxes that were removed, labels, trash that is old. */
import { MailError } from '../errors.ts'
import type { Table } from '../ports/table.ts'
import { type Box, contentsPartition, placementSortKey, threadOrderPrefix } from '../store/mailbox-keys.ts'
import { changeEach, changeMailbox } from './change.ts'
import { emptyMailbox } from './empty-mailbox.ts'
import { expungeOne } from './expunge.ts'
import type { Placement } from './model.ts'
import {
  entityOf,
  type JobKind,
  jobRef,
  labelRef,
  type MailboxJob,
  mailboxJobOf,
  placementRef,
  threadRef,
} from './rows.ts'
import type { MailboxPorts } from './step.ts'
import { rootOf } from './thread.ts'
import { atPlace } from './thread-changes.ts'
import { allMails, getThread } from './thread-mails.ts'

const PAGE = 90

/** Does a job of a mailbox. Repeating it, also while it runs, is no error. @throws {StoreError} the sweep queues it again */
export async function workOffMailbox(ports: MailboxPorts, box: Box, kind: JobKind, subject: string): Promise<void> {
  try {
    await workOff(ports, box, kind, subject)
  } catch (error) {
    // Once the mailbox is deleted, emptying it is the one job.
    if (!(error instanceof MailError && error.code === 'not_found')) throw error
  }
}

async function workOff(ports: MailboxPorts, box: Box, kind: JobKind, subject: string): Promise<void> {
  const ref = jobRef(box, kind, subject)
  const item = await ports.table.get(ref.key)
  if (item === undefined) return
  const job = mailboxJobOf(item)
  if (kind === 'empty-mailbox') return emptyMailbox(ports, box)
  if (kind === 'expunge-thread') return expungeThread(ports, box, subject)
  if (kind === 'empty-folder') await emptyFolder(ports, box, job)
  else await clearLabel(ports, box, subject)
  await changeMailbox(ports, box, async (step) => {
    step.remove(ref)
    if (kind === 'clear-label') step.remove(labelRef(box, subject))
  })
}

/** Expunges what a thread has in trash and spam, once its time is over. */
async function expungeThread(ports: MailboxPorts, box: Box, id: string): Promise<void> {
  const { table, clock } = ports
  const thread = await getThread(table, box, id).catch(() => undefined)
  if (thread?.expungeAt === undefined || thread.id !== id) {
    await changeMailbox(ports, box, async (step) => {
      const { id: root, thread: found } = await rootOf(step, id)
      if (root !== id || found?.expungeAt === undefined) step.remove(jobRef(box, 'expunge-thread', id))
    })
    return
  }
  if (thread.expungeAt > clock.now()) return
  const mails = await allMails(table, box, thread)
  await changeEach(ports, box, mails, async (step, mail) => {
    const { thread: found } = await rootOf(step, id)
    if (found?.expungeAt === undefined && found !== undefined) return
    await atPlace(step, mail, async (at) => {
      if (at.folder === 'trash' || at.folder === 'spam') await expungeOne(step, at, false)
    })
  })
}

/** Beyond `uidNext` lie placements at most that a broken copy left, which nothing counts. */
async function emptyFolder(ports: MailboxPorts, box: Box, { subject, uidNext = 0 }: MailboxJob): Promise<void> {
  for (;;) {
    const placements = await placementsIn(ports.table, box, subject)
    if (placements.length === 0) return
    await changeEach(ports, box, placements, async (step, { uid }) => {
      if (uid < uidNext) await expungeOne(step, { folder: subject, uid }, false)
      else step.remove(placementRef(box, { folder: subject, uid }))
    })
  }
}

async function placementsIn(table: Table, box: Box, folder: string): Promise<readonly Placement[]> {
  const [from, to] = [placementSortKey(folder, 0), placementSortKey(folder, 9_999_999_999)]
  const { items } = await table.query({ pk: contentsPartition(box), from, to, limit: PAGE })
  return items.map((item) => entityOf(placementRef(box, { folder, uid: 0 }), item))
}

async function clearLabel(ports: MailboxPorts, box: Box, label: string): Promise<void> {
  const prefix = threadOrderPrefix(`label:${label}`)
  for (;;) {
    const { items } = await ports.table.query({ pk: contentsPartition(box), prefix, limit: PAGE })
    if (items.length === 0) return
    const ids = items.map(({ sk }) => sk.slice(sk.lastIndexOf('#') + 1))
    await changeEach(ports, box, ids, async (step, id) => {
      const { thread } = await rootOf(step, id)
      const labels = thread?.labels.filter((one) => one !== label)
      if (thread && labels) step.put(threadRef(box, thread.id), { ...thread, labels })
    })
  }
}
