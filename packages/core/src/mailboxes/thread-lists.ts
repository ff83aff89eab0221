/**
 * Finishes the threads of a step: looks up the newest message where it went, and keeps what follows from a thread, which are
 * its order rows, the counts of folders and of unread threads, and the job that empties trash and spam.
 */
import { contentsPartition, threadMailPrefix, threadOrderKey } from '../store/mailbox-keys.ts'
import { dueAt } from '../store/outbox.ts'
import {
  isMainFolder,
  isRole,
  isVisible,
  type JoinedThread,
  type Lead,
  type Placement,
  type Thread,
  type ThreadFolder,
} from './model.ts'
import { entityOf, folderRef, jobRef, placementRef, type RowRef, type ThreadMail, threadRef } from './rows.ts'
import type { Step } from './step.ts'
import { compareLeads, isJoined, leadOf, mainCount, withoutLeads } from './thread.ts'

const PAGE = 20
/** Octets of each list of addresses, and of the subject, in the row of a thread. */
const MAX_LIST_BYTES = 2000

export async function finishThreads(step: Step): Promise<void> {
  for (const { before, after } of step.slotsOf('thread')) {
    if (before === after) continue
    const was = listed(before)
    const found = listed(after)
    const is = found && (await refreshed(step, was, found))
    const id = (is ?? was)?.id
    if (id === undefined) continue
    if (is !== undefined) step.put(threadRef(step.box, id), is)
    await follow(step, id, was, is?.placements === 0 ? undefined : is)
    if (is?.placements === 0) step.remove(threadRef(step.box, id))
    step.note({ type: 'thread', thread: id })
  }
}

const listed = (thread: unknown): Thread | undefined =>
  thread === undefined || isJoined(thread as Thread | JoinedThread) ? undefined : (thread as Thread)

/** With its leads, its folder, and the fields of its newest message. */
async function refreshed(step: Step, was: Thread | undefined, thread: Thread): Promise<Thread> {
  const newest = thread.newest ?? (thread.emails > 0 ? await leadIn(step, thread, () => true) : undefined)
  const isMain = (one: Placement) => isMainFolder(one.folder)
  const main = thread.main ?? (mainCount(thread) > 0 ? await leadIn(step, thread, isMain) : undefined)
  const folder = main === undefined ? 'sent' : folderOf(main.folder)
  const { expungeAt: _, ...rest } = withoutLeads(thread)
  const shown = newest === undefined || newest.id === was?.newest?.id ? {} : await summaryOf(step, newest)
  const isGoing = thread.emails > 0 && isEmptied(folder)
  const since = was !== undefined && isEmptied(was.folder) ? was.expungeAt : undefined
  return {
    ...rest,
    ...shown,
    folder,
    ...(newest && { newest }),
    ...(main && { main }),
    ...(isGoing && { expungeAt: since ?? step.now + step.trashKeptMs }),
  }
}

const isEmptied = (folder: ThreadFolder) => folder === 'trash' || folder === 'spam'
const folderOf = (folder: string): ThreadFolder => (isRole(folder) && folder !== 'drafts' ? folder : 'archive')

async function summaryOf(step: Step, { content }: Lead): Promise<Partial<Thread>> {
  const item = await step.content(content)
  if (item === undefined) return {}
  const list = (value: unknown) => firstOctets(Array.isArray(value) ? (value as string[]) : [])
  const text = (value: unknown) => firstOctets([String(value ?? '')])[0] ?? ''
  return {
    subject: text(item.subject),
    from: text(item.from),
    to: list(item.to),
    cc: list(item.cc),
    bcc: list(item.bcc),
  }
}

function firstOctets(list: readonly string[]): readonly string[] {
  let left = MAX_LIST_BYTES
  return list.filter((text) => {
    left -= Buffer.byteLength(text)
    return left >= 0
  })
}

/** The newest visible message of some, as this step leaves them. */
async function leadIn(step: Step, thread: Thread, counts: (one: Placement) => boolean): Promise<Lead | undefined> {
  let newest: Lead | undefined
  for (const id of [thread.id, ...thread.merged]) {
    for (const placements of [written(step, id), stored(step, id)]) {
      for await (const placement of placements) {
        if (!isVisible(placement) || !counts(placement)) continue
        const lead = leadOf(placement)
        if (newest === undefined || compareLeads(lead, newest) > 0) newest = lead
        break
      }
    }
  }
  return newest
}

const slotsIn = (step: Step, thread: string) =>
  step.slotsOf('thread-mail').filter(({ key }) => key.sk.startsWith(threadMailPrefix(thread)))

/** Placements of a thread that this step adds or moves, the newest first. */
async function* written(step: Step, thread: string): AsyncGenerator<Placement> {
  const there = slotsIn(step, thread).filter(({ after }) => after !== undefined)
  const newestFirst = there.sort((a, b) => (a.key.sk < b.key.sk ? 1 : -1))
  const mails = newestFirst.map(({ key, after }) => ({ sk: key.sk, mail: after as ThreadMail }))
  yield* await placementsOf(step, mails)
}

/** Placements of a thread that this step does not touch, the newest first. */
async function* stored(step: Step, thread: string): AsyncGenerator<Placement> {
  const touched = new Set(slotsIn(step, thread).map(({ key }) => key.sk))
  const query = { pk: contentsPartition(step.box), prefix: threadMailPrefix(thread), reverse: true, limit: PAGE }
  let cursor: string | undefined
  do {
    const page = await step.table.query(cursor === undefined ? query : { ...query, cursor })
    const others = page.items.filter(({ sk }) => !touched.has(sk))
    const mails = others.map((item) => ({ sk: item.sk, mail: entityOf(MAIL, item) }))
    yield* await placementsOf(step, mails)
    cursor = page.cursor
  } while (cursor !== undefined)
}

const MAIL: Pick<RowRef<ThreadMail>, 'kind' | 'entity'> = { kind: 'thread-mail' }

/** Without those whose placement is that of another message by now. */
async function placementsOf(
  step: Step,
  mails: readonly { readonly sk: string; readonly mail: ThreadMail }[],
): Promise<readonly Placement[]> {
  const refs = mails.map(({ mail }) => placementRef(step.box, mail))
  await step.load(refs)
  const placements = await Promise.all(refs.map((ref) => step.read(ref)))
  return placements.filter((one, i): one is Placement => one !== undefined && mails[i]?.sk.endsWith(one.id) === true)
}

/** The order rows of a thread, as sort keys; none while nothing of it is visible. */
function ordersOf(step: Step, thread: Thread | undefined): readonly RowRef<object>[] {
  const { id, newest, folder, unread, labels } = thread ?? { labels: [] }
  if (id === undefined || newest === undefined || folder === undefined) return []
  const lists = [folder, ...(unread ? ['unread'] : []), ...labels.map((label) => `label:${label}`)]
  return lists.map((list) => ({
    kind: 'thread-order',
    key: threadOrderKey(step.box, list, newest.receivedAt, id),
  }))
}

const isUnread = (thread: Thread | undefined) => thread !== undefined && thread.unread > 0 && !isEmptied(thread.folder)

async function follow(step: Step, id: string, was: Thread | undefined, is: Thread | undefined): Promise<void> {
  const [gone, there] = [ordersOf(step, was), ordersOf(step, is)]
  const keys = (refs: readonly RowRef<object>[]) => new Set(refs.map(({ key }) => key.sk))
  for (const ref of gone) if (!keys(there).has(ref.key.sk)) step.remove(ref)
  for (const ref of there) if (!keys(gone).has(ref.key.sk)) step.put(ref, {})
  const unreadThreads = step.state.unreadThreads + Number(isUnread(is)) - Number(isUnread(was))
  if (unreadThreads !== step.state.unreadThreads) step.state = { ...step.state, unreadThreads }
  for (const folder of new Set([...Object.keys(was?.folders ?? {}), ...Object.keys(is?.folders ?? {})])) {
    const by = Number(is?.folders[folder] !== undefined) - Number(was?.folders[folder] !== undefined)
    const counted = by === 0 ? undefined : await step.read(folderRef(step.box, folder))
    if (counted) step.put(folderRef(step.box, folder), { ...counted, threads: counted.threads + by })
  }
  if (is?.expungeAt === was?.expungeAt) return
  const job = jobRef(step.box, 'expunge-thread', id)
  if (is?.expungeAt === undefined) return step.remove(job)
  const due = dueAt('mailbox-job', step.box.accountId, job.key.sk, is.expungeAt)
  step.put(job, { job: 'expunge-thread', subject: id, ...due })
}
