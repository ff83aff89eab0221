/**
 * Which id an account knows a message of SES by. Nearly always it follows from the notification alone, and no row is
 * needed. When a notification is so late that the message may have been recovered without it, both ways settle on one
 * id by a row that is put if absent: the first decides.
 */
import { isConditionFailed, type Key, type Table } from '../ports/table.ts'

/** Longer than a notification waits in a queue (4 days) and its dead letters (14). */
const KEPT_SECONDS = 30 * 24 * 3600

const rowKey = (accountId: string, sesId: string): Key => ({ pk: `${accountId}#ses#${sesId}`, sk: 'v' })

/** The id from now on: `id`, unless another was settled on before. */
export async function settleId(
  table: Table,
  accountId: string,
  sesId: string,
  id: string,
  now: number,
): Promise<string> {
  try {
    const item = { ...rowKey(accountId, sesId), id, ttl: Math.floor(now / 1000) + KEPT_SECONDS }
    await table.write({ kind: 'put', item, if: [{ exists: false }] })
    return id
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    const row = await table.get(rowKey(accountId, sesId))
    if (typeof row?.id !== 'string') throw error
    return row.id
  }
}

/** The ids that were settled on, by account. */
export async function settledIds(
  table: Table,
  accountIds: readonly string[],
  sesId: string,
): Promise<ReadonlyMap<string, string>> {
  const rows = await table.getMany(accountIds.map((accountId) => rowKey(accountId, sesId)))
  return new Map(
    accountIds.flatMap((accountId, i) => (typeof rows[i]?.id === 'string' ? [[accountId, rows[i].id]] : [])),
  )
}
