/** Puts a message that is new to a mailbox into its thread and folder, as a part of a step. */
import type { ContentRef } from '../messages/message.ts'
import type { Join } from './join-threads.ts'
import type { SystemFlag, Thread } from './model.ts'
import { place } from './place.ts'
import { folderRef, placeRef } from './rows.ts'
import type { Step } from './step.ts'
import { noteSubject } from './subjects.ts'
import { rootOf } from './thread.ts'
import { type Tied, threadOf } from './tie.ts'

/** A message that comes into a mailbox. */
export type Arrival = Tied & {
  readonly content: ContentRef
  readonly folder: string
  readonly flags: readonly SystemFlag[]
  readonly keywords: readonly string[]
  /** Octets. */
  readonly size: number
  readonly hasAttachment: boolean
}
/**
 * `known`: it is here, or was and has been expunged. `over_quota`: the mailbox is full. `content_gone`: it was deleted
 * everywhere meanwhile.
 */
export type Arrived = 'placed' | 'known' | 'over_quota' | 'content_gone'

/** Answers two threads, and places nothing, if they must be joined first. */
export async function arrive(step: Step, arrival: Arrival, type: 'arrived' | 'appended'): Promise<Arrived | Join> {
  if ((await step.read(placeRef(step.box, arrival.id))) !== undefined) return 'known'
  const { bytes, quotaBytes } = step.state
  if (quotaBytes !== undefined && bytes + arrival.size > quotaBytes) return 'over_quota'
  const thread = await threadOf(step, arrival)
  if (typeof thread !== 'string') return thread
  const folder = type === 'arrived' ? await folderFor(step, arrival.folder, thread) : arrival.folder
  const { id, content, flags, keywords, size, hasAttachment, receivedAt } = arrival
  const uid = (await step.read(folderRef(step.box, folder)))?.uidNext ?? 0
  const savedAt = step.now
  const shown = { flags: flags.toSorted(), keywords: keywords.toSorted() }
  const isPlaced = await place(step, {
    folder,
    id,
    content,
    ...shown,
    thread,
    size,
    hasAttachment,
    receivedAt,
    savedAt,
  })
  if (!isPlaced) return 'content_gone'
  await noteSubject(step, arrival, thread)
  step.note({ type, folder, uids: [[uid, uid]] })
  const { lastReceived = 0 } = step.state
  if (type === 'arrived') step.state = { ...step.state, lastReceived: Math.max(lastReceived, receivedAt) }
  return 'placed'
}

/** A reply brings an archived thread back to the inbox, and none from spam or trash. */
async function folderFor(step: Step, folder: string, threadId: string): Promise<string> {
  const thread: Thread | undefined = (await rootOf(step, threadId)).thread
  if (folder === 'inbox' && thread !== undefined && thread.emails > 0) {
    if (thread.folder === 'trash' || thread.folder === 'spam') return thread.folder
  }
  return (await step.read(folderRef(step.box, folder))) === undefined ? 'inbox' : folder
}
