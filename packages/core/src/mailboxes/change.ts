/**
 * The one way to change a mailbox. A step reads the state, then what it needs, and writes everything in one transaction on
 * the condition that the state is as it was read; a step that lost to a faster writer begins again. So writers never
 * interleave, and uids appear in order: whoever saw uid 6 never misses 5.
 */
import { MailError } from '../errors.ts'
import type { Ids } from '../ports/ids.ts'
import { StoreError } from '../ports/table.ts'
import { waitMs } from '../ports/transact-retry.ts'
import type { Box } from '../store/mailbox-keys.ts'
import { commit } from './commit.ts'
import type { MailboxState } from './model.ts'
import { finishPending } from './pending.ts'
import { entityOf, stateRef } from './rows.ts'
import { type MailboxPorts, Step } from './step.ts'

const TRIES = 10
const WRITER_POLL_MS = 25

/** @throws {MailError} `not_found` */
export async function readState({ table }: Pick<MailboxPorts, 'table'>, box: Box): Promise<MailboxState> {
  const ref = stateRef(box)
  const item = await table.get(ref.key)
  const state = item && entityOf(ref, item)
  if (state === undefined || state.deletedAt !== undefined) throw new MailError('not_found', 'Inbox not found')
  return state
}

/**
 * Makes the change that `plan` puts into a step. `plan` may run several times, and only its last run is written. Waits for
 * a long operation of another writer; `operation` names our own.
 * @throws {StoreError} `Conflict` after ten tries
 * @throws {MailError} `not_found`, and what `plan` throws
 */
export async function changeMailbox<T>(
  ports: MailboxPorts,
  box: Box,
  plan: (step: Step) => Promise<T>,
  operation?: string,
): Promise<T> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const state = await freeState(ports, box, operation)
    const step = new Step(ports, box, state)
    const answer = await plan(step)
    if (await commit(step)) return answer
    await ports.clock.sleep(waitMs(tries, jitter(ports.ids)))
  }
  throw new StoreError('Conflict', 'other writers of the mailbox were faster ten times')
}

/** A number from 0 to below 1. */
const jitter = (ids: Ids) => (ids.secret(1)[0] ?? 0) / 256

/** The state once no other operation holds the mailbox and no copy is left half counted. */
async function freeState(ports: MailboxPorts, box: Box, operation: string | undefined): Promise<MailboxState> {
  for (;;) {
    const state = await readState(ports, box)
    const { writer, pending } = state
    if (writer !== undefined && writer.operation !== operation && writer.until > ports.clock.now()) {
      await ports.clock.sleep(WRITER_POLL_MS)
    } else if (pending !== undefined) await finishPending(ports, box, state)
    else return state
  }
}

/**
 * Applies `change` to each of some things, as many in one step as fit. Each step is whole, and a crash leaves whole steps.
 * What it answered for each is answered in order.
 */
export async function changeEach<T, R>(
  ports: MailboxPorts,
  box: Box,
  things: readonly T[],
  change: (step: Step, thing: T) => Promise<R>,
  prepare?: (step: Step, things: readonly T[]) => Promise<void>,
): Promise<readonly R[]> {
  const answers: R[] = []
  while (answers.length < things.length) {
    const rest = things.slice(answers.length, answers.length + MAX_PER_STEP)
    const made = await changeMailbox(ports, box, async (step) => {
      await prepare?.(step, rest)
      return changeSome(step, rest, change)
    })
    answers.push(...made)
  }
  return answers
}

/** More than this never fit: each takes a row of its own at least. */
const MAX_PER_STEP = 98

async function changeSome<T, R>(
  step: Step,
  things: readonly T[],
  change: (step: Step, thing: T) => Promise<R>,
): Promise<readonly R[]> {
  const answers: R[] = []
  for (const thing of things) {
    const work = async () => ({ of: await change(step, thing) })
    const answer = answers.length === 0 ? await step.must(work) : await step.fits(work)
    if (answer === undefined) break
    answers.push(answer.of)
  }
  return answers
}
