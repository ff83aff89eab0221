/**
 * Finishes a long copy. Its placements are visible in their folder all at once; their threads, contents and places by id
 * count them afterwards, in steps. Until that is done nothing else changes the mailbox, so a crash leaves nothing half: the
 * next writer does the rest.
 */
import type { Box } from '../store/mailbox-keys.ts'
import { commit } from './commit.ts'
import type { MailboxState } from './model.ts'
import { placementRef, placeRef, threadMailRef } from './rows.ts'
import { type MailboxPorts, Step } from './step.ts'
import { countInThread } from './thread.ts'

const AT_MOST = 24

/** One step of it. Another writer may make it at the same time; one of both is written. */
export async function finishPending(ports: MailboxPorts, box: Box, state: MailboxState): Promise<void> {
  const { pending } = state
  if (pending === undefined) return
  const step = new Step(ports, box, state)
  const { folder, to } = pending
  const last = Math.min(to, pending.next + AT_MOST - 1)
  const uids = Array.from({ length: last - pending.next + 1 }, (_, i) => pending.next + i)
  await step.load(uids.map((uid) => placementRef(box, { folder, uid })))
  let next = pending.next
  for (const uid of uids) {
    const work = () => countPlacement(step, folder, uid)
    const counted = uid === pending.next ? await step.must(work) : await step.fits(work)
    if (counted === undefined) break
    next = uid + 1
  }
  const { pending: _, ...rest } = step.state
  step.state = next > to ? rest : { ...rest, pending: { folder, next, to } }
  await commit(step)
}

async function countPlacement(step: Step, folder: string, uid: number): Promise<true> {
  const placement = await step.read(placementRef(step.box, { folder, uid }))
  if (placement === undefined) return true
  step.put(placeRef(step.box, placement.id), { folder, uid })
  step.put(threadMailRef(step.box, placement), { folder, uid })
  await countInThread(step, undefined, placement)
  await step.refer(placement.content, 1)
  return true
}
