/**
 * COPY, whole or not there (RFC 9051 section 6.4.7). What fits is one step. More than that takes the mailbox for a while:
 * placements are written from `uidNext` on, where no reader looks, and one transaction makes them all visible. Threads and
 * contents count them after that (pending.ts). What a crash leaves beyond `uidNext` is overwritten.
 */
import { MailError } from '../errors.ts'
import { StoreError, type Write } from '../ports/table.ts'
import { TABLE_RULES } from '../ports/table-rules.ts'
import type { Box } from '../store/mailbox-keys.ts'
import { transactIf } from '../store/once.ts'
import { changeMailbox } from './change.ts'
import { type Folder, MAX_COPIED, type Placement, type UidRange } from './model.ts'
import { rangesOf } from './noted-changes.ts'
import { countsWith, place } from './place.ts'
import { folderRef, itemOf, placementRef, stateRef } from './rows.ts'
import type { MailboxPorts, Step } from './step.ts'

/** COPYUID of RFC 9051 section 7.1; both sets are in the same order. */
export type Copied = {
  readonly uidValidity: number
  readonly uids: readonly UidRange[]
  readonly toUids: readonly UidRange[]
}

/** Ten thousand placements are written within a few seconds; a copy that takes longer than this ends as a conflict. */
const HELD_MS = 60_000
/** About so many fit one transaction with their threads. */
const MAX_AT_ONCE = 12

/**
 * Copies messages of a folder to a folder of the same mailbox. Each copy has an id of its own, the thread and the flags of the
 * message, and its content. Messages that are not there any more are left out.
 * @throws {MailError} `invalid_parameter` past 10,000; `not_found`; `storage_full`
 * @throws {StoreError} `Conflict`
 */
export async function copy(
  ports: MailboxPorts,
  box: Box,
  folder: string,
  uids: readonly number[],
  to: string,
): Promise<Copied> {
  if (uids.length > MAX_COPIED)
    throw new MailError('invalid_parameter', `At most ${MAX_COPIED} messages are copied at once.`)
  const wanted = { folder, uids, to }
  const small =
    uids.length > MAX_AT_ONCE ? undefined : await changeMailbox(ports, box, (step) => copyAll(ports, step, wanted))
  return small ?? copyLong(ports, box, wanted)
}

type Wanted = { readonly folder: string; readonly uids: readonly number[]; readonly to: string }

/** Undefined, and nothing changed, if that is more than one step takes. */
async function copyAll(ports: MailboxPorts, step: Step, { folder, uids, to }: Wanted): Promise<Copied | undefined> {
  const target = await targetOf(step, to)
  const copied = await step.fits(async () => {
    const done: [number, number][] = []
    for (const before of await sourcesOf(step, folder, uids)) {
      const uid = target.uidNext + done.length
      refuseIfFull(step, before.size)
      const placed = { ...before, folder: to, id: ports.ids.next(), savedAt: step.now }
      if (!(await place(step, placed))) continue
      step.note({ type: 'appended', folder: to, uids: [[uid, uid]] })
      done.push([before.uid, uid])
    }
    return done
  })
  if (copied === undefined) step.abandon()
  return copied && copiedOf(target, copied)
}

const copiedOf = ({ uidValidity }: Folder, copied: readonly (readonly [number, number])[]): Copied => ({
  uidValidity,
  uids: rangesOf(copied.map(([from]) => from)),
  toUids: rangesOf(copied.map(([, uid]) => uid)),
})

async function targetOf(step: Step, to: string): Promise<Folder> {
  const target = await step.read(folderRef(step.box, to))
  if (target === undefined) throw new MailError('not_found', 'Folder not found')
  return target
}

async function sourcesOf(step: Step, folder: string, uids: readonly number[]): Promise<readonly Placement[]> {
  const refs = uids.map((uid) => placementRef(step.box, { folder, uid }))
  await step.load(refs)
  const found = await Promise.all(refs.map((ref) => step.read(ref)))
  return found.filter((one) => one !== undefined)
}

function refuseIfFull({ state: { bytes, quotaBytes } }: Step, more: number): void {
  if (quotaBytes !== undefined && bytes + more > quotaBytes) throw new MailError('storage_full', 'The mailbox is full.')
}

async function copyLong(ports: MailboxPorts, box: Box, wanted: Wanted): Promise<Copied> {
  const operation = ports.ids.next()
  const held = { operation, until: ports.clock.now() + HELD_MS }
  await changeMailbox(ports, box, async (step) => {
    step.state = { ...step.state, writer: { ...held, until: step.now + HELD_MS } }
  })
  const copied = await changeMailbox(ports, box, (step) => copyHeld(ports, step, wanted), operation).catch(
    async (error: unknown) => {
      await release(ports, box, operation)
      throw error
    },
  )
  await settle(ports, box)
  return copied
}

async function copyHeld(ports: MailboxPorts, step: Step, { folder, uids, to }: Wanted): Promise<Copied> {
  const target = await targetOf(step, to)
  const sources = await sourcesOf(step, folder, uids)
  const { modSeq, now: savedAt } = step
  const copies = sources.map((before, i): Placement => {
    const made = { modSeq, createdModSeq: modSeq, savedAt }
    return { ...before, ...made, folder: to, uid: target.uidNext + i, id: ports.ids.next() }
  })
  const sum = copies.reduce((counted, one) => countsWith(counted, one, 1), target)
  refuseIfFull(step, sum.bytes - target.bytes)
  await writeUnseen(step, copies)
  const last = target.uidNext + copies.length - 1
  const { writer: _, ...state } = step.state
  const bytes = state.bytes + sum.bytes - target.bytes
  const pending = copies.length === 0 ? {} : { pending: { folder: to, next: target.uidNext, to: last } }
  step.state = { ...state, bytes, ...pending }
  step.put(folderRef(step.box, to), { ...sum, uidNext: last + 1, modSeq })
  if (copies.length > 0) step.note({ type: 'appended', folder: to, uids: [[target.uidNext, last]] })
  return copiedOf(
    target,
    sources.map(({ uid }, i) => [uid, target.uidNext + i]),
  )
}

/** Writes placements beyond `uidNext`, each time on the condition that nobody has taken the mailbox over. */
async function writeUnseen(step: Step, copies: readonly Placement[]): Promise<void> {
  const isHeld = [{ attr: 'modSeq', op: '=', value: step.modSeq - 1 }] as const
  const check: Write = { kind: 'check', key: stateRef(step.box).key, if: isHeld }
  const most = TABLE_RULES.maxTransact - 1
  for (let from = 0; from < copies.length; from += most) {
    const some = copies.slice(from, from + most)
    const puts = some.map((copied): Write => ({ kind: 'put', item: itemOf(placementRef(step.box, copied), copied) }))
    if (!(await transactIf(step.table, [check, ...puts]))) {
      throw new StoreError('Conflict', 'another writer has taken the mailbox over')
    }
  }
}

/** Lets other writers go on at once. */
async function release(ports: MailboxPorts, box: Box, operation: string): Promise<void> {
  await changeMailbox(
    ports,
    box,
    async (step) => {
      const { writer, ...state } = step.state
      if (writer?.operation === operation) step.state = state
    },
    operation,
  )
}

/** Counts the copies in their threads. They are there already, so what fails here is left to the next writer. */
async function settle(ports: MailboxPorts, box: Box): Promise<void> {
  try {
    await changeMailbox(ports, box, async () => {})
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
  }
}
