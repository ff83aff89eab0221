/** Keeps the counts of a thread and its newest messages as placements come, change and go. */
import {
  emptyThread,
  isMainFolder,
  isSeen,
  isVisible,
  type JoinedThread,
  type Lead,
  type Placement,
  type Thread,
} from './model.ts'
import { threadRef } from './rows.ts'
import type { Step } from './step.ts'

/** More joins than threads can have come one after the other. */
const MAX_JOINS = 100

export const isJoined = (thread: Thread | JoinedThread): thread is JoinedThread => 'into' in thread

/** The thread that a thread was joined to, or itself, and its row if there is one. */
export async function rootOf(step: Step, id: string): Promise<{ readonly id: string; readonly thread?: Thread }> {
  let root = id
  for (let joins = 0; joins < MAX_JOINS; joins++) {
    const thread = await step.read(threadRef(step.box, root))
    if (thread === undefined) return { id: root }
    if (!isJoined(thread)) return { id: root, thread }
    root = thread.into
  }
  throw new Error('threads are joined in a circle')
}

/** Counts a placement in its thread as it was and as it is. */
export async function countInThread(
  step: Step,
  before: Placement | undefined,
  after: Placement | undefined,
): Promise<void> {
  const placement = after ?? before
  if (placement === undefined) return
  const { id, thread = emptyThread(id) } = await rootOf(step, placement.thread)
  const was = before && isVisible(before) ? before : undefined
  const is = after && isVisible(after) ? after : undefined
  const change = (counts: (one: Placement) => boolean) =>
    Number(is !== undefined && counts(is)) - Number(was !== undefined && counts(was))
  step.put(threadRef(step.box, id), {
    ...withoutLeads(thread),
    placements: thread.placements + Number(after !== undefined) - Number(before !== undefined),
    emails: thread.emails + change(() => true),
    unread: thread.unread + change((one) => !isSeen(one)),
    attachments: thread.attachments + change((one) => one.hasAttachment),
    folders: foldersOf(thread, was, is),
    ...leadsOf(thread, was, is),
  })
}

export const withoutLeads = ({ newest: _, main: __, ...thread }: Thread): Omit<Thread, 'newest' | 'main'> => thread

function foldersOf({ folders }: Thread, was: Placement | undefined, is: Placement | undefined): Thread['folders'] {
  const counts = { ...folders }
  if (was) counts[was.folder] = (counts[was.folder] ?? 0) - 1
  if (is) counts[is.folder] = (counts[is.folder] ?? 0) + 1
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
}

function leadsOf(
  thread: Thread,
  was: Placement | undefined,
  is: Placement | undefined,
): Pick<Thread, 'newest' | 'main'> {
  const main = (one: Placement | undefined) => (one && isMainFolder(one.folder) ? one : undefined)
  const newestNow = ledBy(thread.newest, thread.emails, was, is)
  const mainNow = ledBy(thread.main, mainCount(thread), main(was), main(is))
  return { ...(newestNow && { newest: newestNow }), ...(mainNow && { main: mainNow }) }
}

/** Messages that can tell the folder of the thread. */
export const mainCount = ({ folders }: Pick<Thread, 'folders'>): number =>
  Object.entries(folders).reduce((sum, [folder, count]) => sum + (isMainFolder(folder) ? count : 0), 0)

/** The newer of two leads is positive against the other. */
export const compareLeads = (a: Lead, b: Lead): number => a.receivedAt - b.receivedAt || (a.id < b.id ? -1 : 1)

export const leadOf = ({ id, receivedAt, content, folder }: Placement): Lead => ({ id, receivedAt, content, folder })

/** Undefined also where the lead has gone: it is looked up once, when the step is written (thread-lists.ts). */
function ledBy(
  lead: Lead | undefined,
  counted: number,
  was: Placement | undefined,
  is: Placement | undefined,
): Lead | undefined {
  if (lead === undefined && counted > 0) return undefined
  if (lead !== undefined && lead.id === was?.id) return is && leadOf(is)
  if (is === undefined) return lead
  return lead === undefined || compareLeads(leadOf(is), lead) > 0 ? leadOf(is) : lead
}
