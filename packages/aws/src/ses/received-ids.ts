/**
 * Which ids a message of SES is known by, and which account has SES's object. Nearly always both follow from the
 * notification alone, and no row is needed. When a notification is so late that the message may have been recovered
 * without it, both ways settle by a row that is put if absent: the first decides.
 */
import { derivedUuid } from '@kabutar/core/ports/ids.ts'
import { StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { readRow, row } from '@kabutar/core/store/codec.ts'
import { sesReceiptKey } from '@kabutar/core/store/keys.ts'
import { putIfAbsent } from '@kabutar/core/store/once.ts'

/** Longer than a notification waits in a queue (4 days) and its dead letters (14). */
const KEPT_SECONDS = 30 * 24 * 3600

/** `at`: when the message came, in epoch ms; its ids follow from it. `owner`: the account whose blob is SES's object. */
export type Settled = { readonly at: number; readonly owner: string }

/** What holds from now on: `wanted`, unless something was settled before. */
export async function settle(table: Table, object: string, wanted: Settled, nowMs: number): Promise<Settled> {
  const key = sesReceiptKey(object)
  const ttl = Math.floor(nowMs / 1000) + KEPT_SECONDS
  if (await putIfAbsent(table, row('ses-receipt', key, { ...wanted, ttl }))) return wanted
  const settled = readRow('ses-receipt', await table.get(key))
  if (settled === undefined) throw new StoreError('Conflict', 'a receipt of SES was settled and removed by others')
  return { at: settled.at as number, owner: settled.owner as string }
}

/** The id of a received message: it follows from the time, from what SES calls the message, and from the account. */
export function receivedId(receivedAt: number, sesId: string, accountId: string): string {
  return derivedUuid(receivedAt, sesId, accountId)
}
