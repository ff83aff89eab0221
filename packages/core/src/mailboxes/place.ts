/** Changes one placement in a step, with everything that counts it: its folder, its thread, the mailbox and its content. */

import { type Folder, isSeen, isVisible, type Placement } from './model.ts'
import { folderRef, placementRef, placeRef, threadMailRef } from './rows.ts'
import type { Step } from './step.ts'
import { countInThread } from './thread.ts'

const PLACE_KEPT_SECONDS = 90 * 24 * 3600

/**
 * Puts a new message into a folder, at its next uid. False, and nothing done, if its content is gone. The folder must be
 * there.
 */
export async function place(step: Step, wanted: Omit<Placement, 'uid' | 'modSeq' | 'createdModSeq'>): Promise<boolean> {
  if (!(await step.refer(wanted.content, 1))) return false
  const uid = await takeUid(step, wanted.folder)
  const { modSeq } = step
  await replace(step, undefined, { ...wanted, uid, modSeq, createdModSeq: modSeq })
  return true
}

/** Writes a placement with other flags. */
export async function reflag(
  step: Step,
  before: Placement,
  flags: Pick<Placement, 'flags' | 'keywords'>,
): Promise<void> {
  await replace(step, before, { ...before, ...flags, modSeq: step.modSeq })
  step.note({ type: 'flags', folder: before.folder, uids: [[before.uid, before.uid]] })
}

/** Moves a message to another folder, where it keeps its id and gets the next uid, which is answered. */
export async function relocate(step: Step, before: Placement, to: string): Promise<number> {
  const uid = await takeUid(step, to)
  await replace(step, before, { ...before, folder: to, uid, savedAt: step.now, modSeq: step.modSeq })
  const [uids, toUids] = [[[before.uid, before.uid]] as const, [[uid, uid]] as const]
  step.note({ type: 'moved', folder: before.folder, uids, to, toUids })
  return uid
}

/** Takes a message out of its folder. Its content goes a day after the last placement. */
export async function unplace(step: Step, before: Placement): Promise<void> {
  await replace(step, before, undefined)
  await step.refer(before.content, -1)
  step.note({ type: 'expunged', folder: before.folder, uids: [[before.uid, before.uid]] })
}

async function takeUid(step: Step, folder: string): Promise<number> {
  const ref = folderRef(step.box, folder)
  const found = await step.read(ref)
  if (found === undefined) throw new Error('a message is placed into a folder that is not there')
  step.put(ref, { ...found, uidNext: found.uidNext + 1 })
  return found.uidNext
}

async function replace(step: Step, before: Placement | undefined, after: Placement | undefined): Promise<void> {
  const { box } = step
  if (before) await countInFolder(step, before, -1)
  if (after) await countInFolder(step, after, 1)
  const isMoved = before?.folder !== after?.folder || before?.uid !== after?.uid
  if (before && isMoved) step.remove(placementRef(box, before))
  if (after) step.put(placementRef(box, after), after)
  if (isMoved) tellPlace(step, before, after)
  const bytes = step.state.bytes + (after?.size ?? 0) - (before?.size ?? 0)
  if (bytes !== step.state.bytes) step.state = { ...step.state, bytes }
  await countInThread(step, before, after)
}

/** Writes where the message is: by its id, and in its thread. */
function tellPlace(step: Step, before: Placement | undefined, after: Placement | undefined): void {
  const { box, now } = step
  if (after) {
    const { folder, uid } = after
    step.put(placeRef(box, after.id), { folder, uid })
    step.put(threadMailRef(box, after), { folder, uid })
  } else if (before) {
    const ttl = Math.floor(now / 1000) + PLACE_KEPT_SECONDS
    step.put(placeRef(box, before.id), { expungedAt: now, ttl })
    step.remove(threadMailRef(box, before))
  }
}

/** A folder that was removed has no counts any more. */
async function countInFolder(step: Step, placement: Placement, by: 1 | -1): Promise<void> {
  const ref = folderRef(step.box, placement.folder)
  const folder = await step.read(ref)
  if (folder !== undefined) step.put(ref, { ...countsWith(folder, placement, by), modSeq: step.modSeq })
}

/** A folder with so many placements more that are like this one. */
export function countsWith(folder: Folder, placement: Placement, by: number): Folder {
  const [unseen, deleted] = [!isSeen(placement), !isVisible(placement)]
  return {
    ...folder,
    messages: folder.messages + by,
    unseen: folder.unseen + (unseen ? by : 0),
    deleted: folder.deleted + (deleted ? by : 0),
    unread: folder.unread + (unseen && !deleted ? by : 0),
    bytes: folder.bytes + by * placement.size,
  }
}
