/**
 * Addresses that an account does not send to: after a permanent bounce, a complaint, or by hand. Compared in lower case.
 * Each is two rows that come and go in one transaction: by address, which sending looks up, and by id, which lists page.
 */

import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import { type Ids, isUuid } from '../ports/ids.ts'
import { type Item, isConditionFailed, type Key, type Table } from '../ports/table.ts'
import type { ListOptions } from '../store/timeline.ts'

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

const PAGE = 100
/** A list of one origin looks through so many pages of all. */
const MAX_PAGES = 100

const addressKey = (accountId: string, address: string): Key => ({
  pk: `${accountId}#suppressions`,
  sk: address.toLowerCase(),
})
const idKey = (accountId: string, id: string): Key => ({ pk: `${accountId}#suppressions#ids`, sk: id })

/** Puts an address on the list; one that is there stays as it is. Answers what is there then. @throws {StoreError} */
export async function suppress(
  { table, clock, ids }: SuppressionPorts,
  accountId: string,
  wanted: Pick<Suppression, 'address' | 'origin' | 'sourceId'>,
): Promise<Suppression> {
  const earlier = await table.get(addressKey(accountId, wanted.address))
  if (earlier !== undefined) return suppressionOf(earlier)
  const id = ids.next()
  const attrs = { ...wanted, id, at: clock.now() }
  const absent = [{ exists: false }] as const
  try {
    await table.transact([
      { kind: 'put', item: { ...attrs, ...addressKey(accountId, wanted.address) }, if: absent },
      { kind: 'put', item: { ...attrs, ...idKey(accountId, id) }, if: absent },
    ])
    return { ...wanted, id, createdAt: new Date(attrs.at) }
  } catch (error) {
    const faster = isConditionFailed(error) && (await table.get(addressKey(accountId, wanted.address)))
    if (!faster) throw error
    return suppressionOf(faster)
  }
}

/** The suppressed ones among at most 100 addresses, by the address as it was asked. One batch read. */
export async function suppressedAmong(
  table: Table,
  accountId: string,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, Suppression>> {
  if (addresses.length === 0) return new Map()
  const rows = await table.getMany(addresses.map((address) => addressKey(accountId, address)))
  return new Map(
    addresses.flatMap((address, i) => {
      const row = rows[i]
      return row === undefined ? [] : [[address, suppressionOf(row)] as const]
    }),
  )
}

/** By its id or its address. @throws {MailError} `not_found` */
export async function getSuppression(table: Table, accountId: string, idOrAddress: string): Promise<Suppression> {
  const key = isUuid(idOrAddress) ? idKey : addressKey
  const item = idOrAddress === '' ? undefined : await table.get(key(accountId, idOrAddress))
  if (item === undefined) throw notFound()
  return suppressionOf(item)
}

/** Mail to the address goes out again from the next attempt on. Answers what was removed. @throws {MailError} `not_found` */
export async function removeSuppression(table: Table, accountId: string, idOrAddress: string): Promise<Suppression> {
  const suppression = await getSuppression(table, accountId, idOrAddress)
  const { id, address } = suppression
  try {
    await table.transact([
      { kind: 'delete', key: addressKey(accountId, address), if: [{ attr: 'id', op: '=', value: id }] },
      { kind: 'delete', key: idKey(accountId, id), if: [{ exists: true }] },
    ])
  } catch (error) {
    if (isConditionFailed(error)) throw notFound()
    throw error
  }
  return suppression
}

/** Newest first. Of one `origin`, looks through at most 10,000 of all. */
export async function listSuppressions(
  table: Table,
  accountId: string,
  { limit, after, before, origin }: ListOptions & { readonly origin?: Origin },
): Promise<{ readonly suppressions: readonly Suppression[]; readonly hasMore: boolean }> {
  const reverse = before === undefined
  const { pk } = idKey(accountId, '-')
  const bounds = { ...(after !== undefined && { to: after }), ...(before !== undefined && { from: before }) }
  const found: Suppression[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < MAX_PAGES && found.length <= limit; pages++) {
    const page = await table.query({ pk, ...bounds, reverse, limit: PAGE, ...(cursor !== undefined && { cursor }) })
    // The bounds are inclusive, and the list is not.
    const listed = page.items.filter((item) => item.sk !== (after ?? before)).map(suppressionOf)
    found.push(...listed.filter((one) => origin === undefined || one.origin === origin))
    cursor = page.cursor
    if (cursor === undefined) break
  }
  const suppressions = found.slice(0, limit)
  return {
    suppressions: reverse ? suppressions : suppressions.reverse(),
    hasMore: found.length > limit || cursor !== undefined,
  }
}

function suppressionOf(item: Item): Suppression {
  return {
    id: item.id as string,
    address: item.address as string,
    origin: item.origin as Origin,
    createdAt: new Date(item.at as number),
    ...(item.sourceId !== undefined && { sourceId: item.sourceId as string }),
  }
}

const notFound = () => new MailError('not_found', 'Suppression not found')
