/** The drafts of a mailbox: their fields, as whoever writes them sends them. */
import { MailError } from '../errors.ts'
import type { Table } from '../ports/table.ts'
import { type Box, contentsPartition, DRAFTS } from '../store/mailbox-keys.ts'
import { type ListPage, listRows, type PageOptions } from '../store/pages.ts'
import { changeMailbox } from './change.ts'
import type { Draft } from './model.ts'
import { draftRef, entityOf, threadRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'
import { rootOf } from './thread.ts'

/** Makes a draft, or changes one whose thread stays. @throws {StoreError} `TooLarge` past 64 KB, `Conflict` */
export async function saveDraft(
  ports: MailboxPorts,
  box: Box,
  wanted: Pick<Draft, 'id' | 'fields' | 'thread'>,
): Promise<Draft> {
  return changeMailbox(ports, box, async (step) => {
    const before = await step.read(draftRef(box, wanted.id))
    const draft = { ...(before ?? { ...wanted, createdAt: step.now }), fields: wanted.fields, updatedAt: step.now }
    if (before === undefined) await count(step, draft, 1)
    step.put(draftRef(box, draft.id), draft)
    return draft
  })
}

/** @throws {MailError} `not_found` */
export async function removeDraft(ports: MailboxPorts, box: Box, id: string): Promise<void> {
  await changeMailbox(ports, box, async (step) => {
    const draft = await step.read(draftRef(box, id))
    if (draft === undefined) throw new MailError('not_found', 'Draft not found')
    await count(step, draft, -1)
    step.remove(draftRef(box, id))
  })
}

/** A page of drafts, newest first. */
export function listDrafts(table: Table, box: Box, options: PageOptions): Promise<ListPage<Draft>> {
  return listRows(table, { pk: contentsPartition(box), prefix: DRAFTS }, options, (item) =>
    entityOf(draftRef(box, ''), item),
  )
}

async function count(step: Step, { thread: threadId }: Draft, by: number): Promise<void> {
  step.state = { ...step.state, drafts: step.state.drafts + by }
  const { thread } = threadId === undefined ? {} : await rootOf(step, threadId)
  if (thread !== undefined) step.put(threadRef(step.box, thread.id), { ...thread, drafts: thread.drafts + by })
}
