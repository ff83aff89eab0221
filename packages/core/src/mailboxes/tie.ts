/**
 * Finds the thread of a message that comes into a mailbox, by References and In-Reply-To (RFC 5322 section 3.6.4). Each
 * Message-ID that a message has or names gets a row with its thread, put if absent and never changed, so messages find each
 * other in whatever order they come. The rows are written before the step, and say the same to each of its tries.
 */
import { putIfAbsent } from '../store/once.ts'
import { type Join, joinOf } from './join-threads.ts'
import { itemOf, messageIdRef } from './rows.ts'
import type { Step } from './step.ts'
import { type Subjected, threadBySubject } from './subjects.ts'
import { rootOf } from './thread.ts'

/** Message-IDs that are looked up, the nearest first. */
const MAX_LOOKED_UP = 100

export type Tied = Subjected & {
  readonly id: string
  /** With angle brackets: those that replies to it may name. */
  readonly messageIds: readonly string[]
  /** Those that it answers, the nearest first. */
  readonly references: readonly string[]
}

/** The thread, or two that must be joined first because this message ties them. */
export async function threadOf(step: Step, message: Tied): Promise<string | Join> {
  const own = [...new Set(message.messageIds)].slice(0, MAX_LOOKED_UP / 2)
  const named = message.references.filter((one) => !own.includes(one)).slice(0, MAX_LOOKED_UP - own.length)
  const all = [...new Set([...own, ...named])]
  await step.load(all.map((one) => messageIdRef(step.box, one)))
  const found = await threadsNamed(step, all)
  const begun = found[0] ?? (await threadBySubject(step, message)) ?? message.id
  // The names of others first: messages that arrive at once agree on them, and not on their own.
  const agreed = (await nameThread(step, named, begun)) ?? begun
  await nameThread(step, own, agreed)
  const tied = await threadsNamed(step, all)
  const roots = await Promise.all((tied.length === 0 ? [begun] : tied).map((one) => rootOf(step, one)))
  const distinct = [...new Set(roots.map(({ id }) => id))].sort()
  return (await joinOf(step, distinct)) ?? distinct[0] ?? begun
}

async function threadsNamed(step: Step, messageIds: readonly string[]): Promise<readonly string[]> {
  const rows = await Promise.all(messageIds.map((one) => step.read(messageIdRef(step.box, one))))
  return [...new Set(rows.flatMap((found) => found?.thread ?? []))]
}

/** Writes the thread of Message-IDs that have none, and answers the thread of the first. */
async function nameThread(step: Step, messageIds: readonly string[], thread: string): Promise<string | undefined> {
  await Promise.all(
    messageIds.map(async (one) => {
      const ref = messageIdRef(step.box, one)
      if ((await step.read(ref)) !== undefined) return
      const isOurs = await putIfAbsent(step.table, itemOf(ref, { thread }))
      if (isOurs) step.learn(ref, { thread })
      else await step.reload(ref)
    }),
  )
  return (await threadsNamed(step, messageIds))[0]
}
