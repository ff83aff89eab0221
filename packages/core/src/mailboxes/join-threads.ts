/** Joins the threads that a late message ties: the younger is noted in the older's row, and lists show the older alone. */
import type { Box } from '../store/mailbox-keys.ts'
import { changeMailbox } from './change.ts'
import { emptyThread, type Lead, MAX_MERGED, MAX_THREAD_LABELS, type Thread } from './model.ts'
import { threadRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'
import { compareLeads, rootOf, withoutLeads } from './thread.ts'

export type Join = readonly [string, string]

/** Two of some threads that can be joined, if there are two. One thread takes 16 others at most. */
export async function joinOf(step: Step, roots: readonly string[]): Promise<Join | undefined> {
  const [oldest, ...others] = roots.toSorted()
  if (oldest === undefined) return undefined
  const into = await mergedCount(step, oldest)
  for (const other of others) {
    if (into + (await mergedCount(step, other)) < MAX_MERGED) return [oldest, other]
  }
  return undefined
}

const mergedCount = async (step: Step, id: string) => (await rootOf(step, id)).thread?.merged.length ?? 0

export async function joinThreads(ports: MailboxPorts, box: Box, join: Join): Promise<void> {
  await changeMailbox(ports, box, async (step) => {
    const roots = await Promise.all(join.map((id) => rootOf(step, id)))
    const [older, younger] = roots.sort((a, b) => (a.id < b.id ? -1 : 1))
    if (older === undefined || younger === undefined || older.id === younger.id) return
    step.put(threadRef(box, younger.id), { id: younger.id, into: older.id })
    if (younger.thread === undefined) return
    step.put(threadRef(box, older.id), joined(older.thread ?? emptyThread(older.id), younger.thread))
  })
}

function joined(older: Thread, younger: Thread): Thread {
  const [newest, main] = [newer(older.newest, younger.newest), newer(older.main, younger.main)]
  return {
    ...withoutLeads(older),
    merged: [...older.merged, younger.id, ...younger.merged],
    labels: [...new Set([...older.labels, ...younger.labels])].slice(0, MAX_THREAD_LABELS),
    placements: older.placements + younger.placements,
    emails: older.emails + younger.emails,
    unread: older.unread + younger.unread,
    drafts: older.drafts + younger.drafts,
    attachments: older.attachments + younger.attachments,
    folders: sumsOf(older.folders, younger.folders),
    ...(newest && { newest }),
    ...(main && { main }),
  }
}

const newer = (a: Lead | undefined, b: Lead | undefined) => (a && b ? (compareLeads(a, b) > 0 ? a : b) : (a ?? b))

function sumsOf(a: Thread['folders'], b: Thread['folders']): Thread['folders'] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return Object.fromEntries([...names].map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]))
}
