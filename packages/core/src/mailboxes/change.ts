import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { StoreError, type Table, type Write } from '../ports/table.ts'
import { partitionOf, stateKey } from './rows.ts'

export type ChangePorts = {
  readonly table: Table
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
}
/** Writes that take a mailbox `changes` steps further: as many change rows, from `modSeq` + 1 on. */
export type Planned = { readonly writes: readonly Write[]; readonly changes: number }

const TRIES = 10
const FIRST_WAIT_MS = 10
const LONGEST_WAIT_MS = 1000

/**
 * Changes a mailbox in one `transact`, conditional on the `modSeq` that `plan` was told, so that changes come one after
 * the other and uids in order. If another process was faster, it is planned anew: 10 times with jitter, then the last
 * refusal is thrown. A plan of nothing writes nothing.
 * @throws {StoreError} `ConditionFailed`, `Conflict` and others; the caller's queue entry comes again
 * @throws {MailError} `not_found`
 */
export async function changeMailbox(
  ports: ChangePorts,
  accountId: string,
  mailboxId: string,
  plan: (pk: string, modSeq: number) => Promise<Planned | undefined>,
): Promise<void> {
  const pk = partitionOf(accountId, mailboxId)
  await inTurn(ports.table, pk, () => tryChange(ports, pk, plan))
}

async function tryChange(
  ports: ChangePorts,
  pk: string,
  plan: (pk: string, modSeq: number) => Promise<Planned | undefined>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    const modSeq = await modSeqOf(ports.table, pk)
    const planned = await plan(pk, modSeq)
    if (planned === undefined) return
    try {
      return await ports.table.transact([...planned.writes, advance(pk, modSeq, planned.changes)])
    } catch (error) {
      if (tries >= TRIES || !isLostRace(error)) throw error
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** tries)
      await ports.clock.sleep(wait * ports.random())
    }
  }
}

const turns = new WeakMap<Table, Map<string, Promise<void>>>()

/** Within one process changes of a mailbox wait for each other, since a race among them has losers and no winner's gain. */
async function inTurn(table: Table, pk: string, change: () => Promise<void>): Promise<void> {
  const waiting = turns.get(table) ?? new Map<string, Promise<void>>()
  turns.set(table, waiting)
  const mine = (waiting.get(pk) ?? Promise.resolve()).then(change)
  const ended = mine.catch(() => undefined)
  waiting.set(pk, ended)
  try {
    await mine
  } finally {
    if (waiting.get(pk) === ended) waiting.delete(pk)
  }
}

function advance(pk: string, modSeq: number, changes: number): Write {
  return {
    kind: 'update',
    key: stateKey(pk),
    set: { modSeq: modSeq + changes },
    if: [{ attr: 'modSeq', op: '=', value: modSeq }],
  }
}

function isLostRace(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'ConditionFailed' || error.code === 'Conflict')
}

/** The number of the last change. @throws {MailError} `not_found` */
export async function modSeqOf(table: Table, pk: string): Promise<number> {
  const state = await table.get(stateKey(pk))
  if (state === undefined) throw new MailError('not_found', 'Mailbox not found')
  return state.modSeq as number
}
