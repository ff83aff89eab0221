/**
 * The ids of a message that SES received, and the account that owns SES's object. Nearly always both follow from the
 * notification alone. When the notification may compete with a recovery (inbound.ts), both settle them by a row that is
 * put if absent: the first decides.
 */
import { derivedUuid } from '@kabutar/core/ports/ids.ts'
import { StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { readRow, row } from '@kabutar/core/store/codec.ts'
import { sesReceiptKey } from '@kabutar/core/store/keys.ts'
import { putIfAbsent } from '@kabutar/core/store/once.ts'

/** Longer than a notification can wait in a queue (4 days) and in its dead-letter queue (14 days). */
const KEPT_SECONDS = 30 * 24 * 3600

/** `at`: when the message came, in epoch milliseconds. `owner`: the account whose blob is SES's object. */
export type Settled = { readonly at: number; readonly owner: string }

/** Settles on `wanted`, unless something was settled before; returns what holds from now on. */
export async function settle(table: Table, object: string, wanted: Settled, nowMs: number): Promise<Settled> {
  const key = sesReceiptKey(object)
  const ttl = Math.floor(nowMs / 1000) + KEPT_SECONDS
  if (await putIfAbsent(table, row('ses-receipt', key, { ...wanted, ttl }))) return wanted
  const settled = readRow('ses-receipt', await table.get(key))
  if (settled === undefined) throw new StoreError('Conflict', 'the row of a receipt was deleted while it was read')
  return { at: settled.at as number, owner: settled.owner as string }
}

/** Derives the id from the time of receipt, SES's id and the account, so that repetitions have the same id. */
export function receivedId(receivedAt: number, sesId: string, accountId: string): string {
  return derivedUuid(receivedAt, sesId, accountId)
}
