/**
 * Keeps the addresses that an account does not send to: after a permanent bounce, a complaint, or by hand. They are compared
 * in lower case. Each is two rows, written and deleted in one transaction: sending looks up the one by address, lists page
 * through the one by id.
 */

import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { type Ids, isUuid } from '../ports/ids.ts'
import { type Item, StoreError, type Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { suppressionIdKey, suppressionIdPartition, suppressionKey } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { type ListPage, listRows, type PageOptions } from '../store/pages.ts'

export const ORIGINS = ['bounce', 'complaint', 'manual'] as const
export type Origin = (typeof ORIGINS)[number]
export type Suppression = {
  readonly id: string
  readonly address: string
  readonly origin: Origin
  /** The sent message that bounced or was complained of. */
  readonly sourceId?: string
  readonly createdAt: Date
}
export type SuppressionPorts = { readonly table: Table; readonly clock: Clock; readonly ids: Ids }

/** Puts an address on the list, or leaves it as it is there. Answers the entry. @throws {StoreError} */
export async function suppress(
  { table, clock, ids }: SuppressionPorts,
  accountId: string,
  wanted: Pick<Suppression, 'address' | 'origin' | 'sourceId'>,
): Promise<Suppression> {
  const key = suppressionKey(accountId, wanted.address)
  const earlier = await table.get(key)
  if (earlier !== undefined) return suppressionOf(earlier)
  const id = ids.next()
  const attrs = { ...wanted, id, at: clock.now() }
  const absent = [{ exists: false }] as const
  const written = await transactIf(table, [
    { kind: 'put', item: row('suppression', key, attrs), if: absent },
    { kind: 'put', item: row('suppression-id', suppressionIdKey(accountId, id), attrs), if: absent },
  ])
  if (written) return { ...wanted, id, createdAt: new Date(attrs.at) }
  const faster = await table.get(key)
  if (faster === undefined) throw new StoreError('Conflict', 'the address was put on the list and removed by others')
  return suppressionOf(faster)
}

/** The suppressed ones among at most 100 addresses, by the address as it was asked. One batch read. @throws {StoreError} */
export async function suppressedAmong(
  table: Table,
  accountId: string,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, Suppression>> {
  if (addresses.length === 0) return new Map()
  const rows = await table.getMany(addresses.map((address) => suppressionKey(accountId, address)))
  return new Map(
    addresses.flatMap((address, i) => {
      const found = rows[i]
      return found === undefined ? [] : [[address, suppressionOf(found)] as const]
    }),
  )
}

/** Finds an entry by its id or its address. @throws {MailError} `not_found` */
export async function getSuppression(table: Table, accountId: string, idOrAddress: string): Promise<Suppression> {
  const key = isUuid(idOrAddress) ? suppressionIdKey : suppressionKey
  const item = idOrAddress === '' ? undefined : await table.get(key(accountId, idOrAddress))
  if (item === undefined) throw notFound()
  return suppressionOf(item)
}

/** Removes an entry and answers it: from the next attempt on, mail to the address goes out. @throws {MailError} `not_found` */
export async function removeSuppression(table: Table, accountId: string, idOrAddress: string): Promise<Suppression> {
  const suppression = await getSuppression(table, accountId, idOrAddress)
  const { id, address } = suppression
  const removed = await transactIf(table, [
    { kind: 'delete', key: suppressionKey(accountId, address), if: [{ attr: 'id', op: '=', value: id }] },
    { kind: 'delete', key: suppressionIdKey(accountId, id), if: [{ exists: true }] },
  ])
  if (!removed) throw notFound()
  return suppression
}

/** A page of the list, newest first; of one `origin` if it is given. */
export function listSuppressions(
  table: Table,
  accountId: string,
  { origin, ...options }: PageOptions & { readonly origin?: Origin },
): Promise<ListPage<Suppression>> {
  return listRows(table, { pk: suppressionIdPartition(accountId) }, options, (item) => {
    const listed = suppressionOf(item)
    return origin === undefined || listed.origin === origin ? listed : undefined
  })
}

/** Both rows of an entry say the same. */
function suppressionOf(stored: Item): Suppression {
  const item = readRow(stored.sk === stored.id ? 'suppression-id' : 'suppression', stored)
  return {
    id: item.id as string,
    address: item.address as string,
    origin: item.origin as Origin,
    createdAt: new Date(item.at as number),
    ...(item.sourceId !== undefined && { sourceId: item.sourceId as string }),
  }
}

const notFound = () => new MailError('not_found', 'Suppression not found')
