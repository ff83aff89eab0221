import type { Table } from '../ports/table.ts'
import { type Box, contentsPartition, mailboxChangeKey } from '../store/mailbox-keys.ts'
import { readState } from './change.ts'
import type { Change } from './model.ts'
import { entityOf, type RowRef } from './rows.ts'

export type ChangesSince = {
  /** In their order. */
  readonly steps: readonly { readonly modSeq: number; readonly changes: readonly Change[] }[]
  /** Up to which these are all. */
  readonly modSeq: number
  readonly hasMore: boolean
}
type ChangeRow = { readonly modSeq: number; readonly changes: readonly Change[]; readonly ttl: number }
const ROW: Pick<RowRef<ChangeRow>, 'kind' | 'entity'> = { kind: 'mailbox-change' }

/**
 * What has changed in a mailbox after a modSeq, at most `limit` steps of it. Answers `too_old` if it is not known any more,
 * after 90 days, or was never a modSeq of this mailbox: the caller reads the mailbox anew.
 * @throws {MailError} `not_found`
 */
export async function changesSince(
  table: Table,
  box: Box,
  modSeq: number,
  limit: number,
): Promise<ChangesSince | 'too_old'> {
  const state = await readState({ table }, box)
  if (modSeq === state.modSeq) return { steps: [], modSeq, hasMore: false }
  if (modSeq > state.modSeq) return 'too_old'
  const [from, to] = [modSeq + 1, state.modSeq].map((one) => mailboxChangeKey(box, one).sk)
  const { items } = await table.query({ pk: contentsPartition(box), from: from ?? '', to: to ?? '', limit })
  const steps = items.map((item) => entityOf(ROW, item)).map(({ modSeq: at, changes }) => ({ modSeq: at, changes }))
  if (steps[0]?.modSeq !== modSeq + 1) return 'too_old'
  const last = steps.at(-1)?.modSeq ?? modSeq
  return { steps, modSeq: last, hasMore: last < state.modSeq }
}
