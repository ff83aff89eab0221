import type { Table } from '../ports/table.ts'
import { modSeqOf } from './change.ts'
import { type Change, changeKey, changeOf, partitionOf } from './rows.ts'

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
  const newest = await modSeqOf(table, pk)
  if (modSeq === newest) return { modSeq, changes: [], hasMore: false }
  if (modSeq > newest || modSeq < 1) return 'resync'
  const to = Math.min(newest, modSeq + limit)
  const bounds = { from: changeKey(pk, modSeq + 1).sk, to: changeKey(pk, to).sk }
  const page = await table.query({ pk, ...bounds, limit })
  const changes = page.items.map(changeOf)
  if (changes.length !== to - modSeq) return 'resync'
  return { modSeq: to, changes, hasMore: to < newest }
}
