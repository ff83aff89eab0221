/**
 * The ids of a message that SES received, and the account that owns SES's object. The notification and a recovery without
 * it (inbound.ts) settle both by a row that is put if absent: the first decides. A recovery finds by that row whether the
 * message was received.
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
  const ttl = Math.floor(nowMs / 1000) + KEPT_SECONDS
  if (await putIfAbsent(table, row('ses-receipt', sesReceiptKey(object), { ...wanted, ttl }))) return wanted
  const settled = await findSettled(table, object)
  if (settled === undefined) throw new StoreError('Conflict', 'the row of a receipt was deleted while it was read')
  return settled
}

/** Answers what was settled about an object; undefined if nothing was. */
export async function findSettled(table: Table, object: string): Promise<Settled | undefined> {
  const item = readRow('ses-receipt', await table.get(sesReceiptKey(object)))
  return item && { at: item.at as number, owner: item.owner as string }
}

/** SES's id of the message in an object, which is the last part of the object's key. */
export const sesIdOf = (object: string): string => object.slice(object.lastIndexOf('/') + 1)

/** Derives the id from the time of receipt, SES's id and the account, so that repetitions have the same id. */
export function receivedId(receivedAt: number, sesId: string, accountId: string): string {
  return derivedUuid(receivedAt, sesId, accountId)
}
