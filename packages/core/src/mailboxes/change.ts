import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { type Attrs, StoreError, type Table, type Update, type Write } from '../ports/table.ts'
import { type Logged, logged, type NewChange } from './change-log.ts'
import { type MailboxState, partitionOf, stateKey, stateOf } from './rows.ts'

export type ChangePorts = {
  readonly table: Table
  readonly clock: Clock
  /** In [0, 1). */
  random(): number
}
/** What takes a mailbox from one state to the next. */
export type Planned = {
  /** Of other rows than the inbox's. */
  readonly writes: readonly Write[]
  /** The first has the number after the newest, and so on. */
  readonly changes: readonly NewChange[]
  /** To the inbox's row. */
  readonly inbox?: { readonly set?: Attrs; readonly add?: Update['add'] }
}
/** `tries` counts from 1: a plan may hope for the best the first time. */
export type Plan = (pk: string, state: MailboxState, tries: number) => Promise<Planned | undefined>

const TRIES = 10
const FIRST_WAIT_MS = 10
const LONGEST_WAIT_MS = 1000

/**
 * Changes a mailbox in one `transact`, conditional on the state that `plan` was told, so that changes come one after
 * the other and uids in order. If another process was faster, it is planned anew: 10 times with jitter, then the last
 * refusal is thrown. A plan of nothing writes nothing.
 * @throws {StoreError} `ConditionFailed`, `Conflict` and others; the caller's queue entry comes again
 * @throws {MailError} `not_found`
 */
export async function changeMailbox(ports: ChangePorts, accountId: string, mailboxId: string, plan: Plan) {
  const pk = partitionOf(accountId, mailboxId)
  await inTurn(ports.table, pk, () => tryChange(ports, pk, plan))
}

async function tryChange(ports: ChangePorts, pk: string, plan: Plan): Promise<void> {
  for (let tries = 1; ; tries++) {
    const state = await readState(ports.table, pk)
    const planned = await plan(pk, state, tries)
    if (planned === undefined) return
    const log = logged(pk, state, planned.changes, ports.clock.now())
    try {
      return await ports.table.transact([...planned.writes, ...log.rows, advance(pk, state, log, planned.inbox)])
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

function advance(pk: string, state: MailboxState, { newest, recent }: Logged, inbox: Planned['inbox']): Write {
  return {
    kind: 'update',
    key: stateKey(pk),
    set: { newest, recent, ...inbox?.set },
    ...(inbox?.add && { add: inbox.add }),
    if: [{ attr: 'newest', op: '=', value: state.newest }],
  }
}

function isLostRace(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'ConditionFailed' || error.code === 'Conflict')
}

/** @throws {MailError} `not_found` */
export async function readState(table: Table, pk: string): Promise<MailboxState> {
  const item = await table.get(stateKey(pk))
  if (item === undefined) throw new MailError('not_found', 'Mailbox not found')
  return stateOf(item)
}
