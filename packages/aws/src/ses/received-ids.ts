/**
 * Which ids a message of SES is known by, and which account has SES's object. Nearly always both follow from the
 * notification alone, and no row is needed. When a notification is so late that the message may have been recovered
 * without it, both ways settle by a row that is put if absent: the first decides.
 */
import { createHash } from 'node:crypto'
import { blobPartition } from '@kabutar/core/mailboxes/rows.ts'
import { isConditionFailed, type Key, type Table } from '@kabutar/core/ports/table.ts'
import { v7 } from 'uuid'

/** Longer than a notification waits in a queue (4 days) and its dead letters (14). */
const KEPT_SECONDS = 30 * 24 * 3600

/** `at`: when the message came, in epoch ms; its ids follow from it. `owner`: the account whose blob is SES's object. */
export type Settled = { readonly at: number; readonly owner: string }

const rowKey = (object: string): Key => ({ pk: blobPartition(object), sk: 'ses' })

/** What holds from now on: `wanted`, unless something was settled before. */
export async function settle(table: Table, object: string, wanted: Settled, nowMs: number): Promise<Settled> {
  try {
    const item = { ...rowKey(object), ...wanted, ttl: Math.floor(nowMs / 1000) + KEPT_SECONDS }
    await table.write({ kind: 'put', item, if: [{ exists: false }] })
    return wanted
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    const row = await table.get(rowKey(object))
    if (typeof row?.at !== 'number' || typeof row.owner !== 'string') throw error
    return { at: row.at, owner: row.owner }
  }
}

/** Of a day that the id tells, as any other; the rest of it follows from what SES calls the message. */
export function receivedId(receivedAt: number, sesId: string, accountId: string): string {
  const random = createHash('sha256')
    .update(JSON.stringify([sesId, accountId]))
    .digest()
    .subarray(0, 16)
  return v7({ msecs: receivedAt, random })
}
