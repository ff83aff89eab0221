import type { Table } from '../ports/table.ts'
import { readState } from './change.ts'
import { type Change, changesKey, changesOf, MAX_CHANGES_A_ROW } from './change-log.ts'
import { partitionOf } from './rows.ts'

export type Changes = {
  /** Ask again from here. */
  readonly modSeq: number
  /** In their order. */
  readonly changes: readonly Change[]
  readonly hasMore: boolean
}

/**
 * What happened in a mailbox after `modSeq`, at most `limit` changes. `resync`: the mailbox must be read anew, since its
 * changes of that time are no longer kept (90 days) or `modSeq` is none of its own.
 * @throws {MailError} `not_found`
 */
export async function changesSince(
  table: Table,
  accountId: string,
  mailboxId: string,
  modSeq: number,
  limit = 500,
): Promise<Changes | 'resync'> {
  const pk = partitionOf(accountId, mailboxId)
  // Read first: all changes up to here are written, while of later ones a query might see the second without the first.
  const { newest, recent } = await readState(table, pk)
  if (modSeq === newest) return { modSeq, changes: [], hasMore: false }
  if (modSeq > newest || modSeq < 1) return 'resync'
  const to = Math.min(newest, modSeq + limit)
  const inRows = newest - recent.length
  const earlier = modSeq < inRows ? await readRows(table, pk, modSeq + 1, Math.min(to, inRows)) : []
  const changes = [...earlier, ...changesOf(recent, newest)].filter((one) => one.modSeq > modSeq && one.modSeq <= to)
  if (changes.length !== to - modSeq) return 'resync'
  return { modSeq: to, changes, hasMore: to < newest }
}

/** The rows that have the changes from..to. The last of them may end later. */
async function readRows(table: Table, pk: string, from: number, to: number): Promise<readonly Change[]> {
  const last = to + MAX_CHANGES_A_ROW - 1
  const page = await table.query({
    pk,
    from: changesKey(pk, from).sk,
    to: changesKey(pk, last).sk,
    limit: last - from + 1,
  })
  return page.items.flatMap(({ sk, changes }) =>
    changesOf(changes as readonly string[], Number(sk.slice('chg#'.length))),
  )
}
