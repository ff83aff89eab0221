/**
 * Bounds what an account stores. A sum is made each hour (messages/measure-storage.ts) and decides until the next one, so
 * that no message writes a counter: an account may pass its bound by what it gets within that hour.
 */
import { MailError } from '../errors.ts'
import type { Log } from '../ports/log.ts'
import type { Item, Table } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { readRow, row } from '../store/codec.ts'
import { storageKey } from '../store/keys.ts'
import { dueAt } from '../store/outbox.ts'

export type StoragePorts = {
  readonly table: Table
  readonly caches: Caches
  readonly log: Log
  /** Bytes that an account may store; infinite for no bound. @default 10 GB */
  readonly storageBytes?: number
}

export const DEFAULT_STORAGE_GB = 10
export const GB = 1024 ** 3

/** The row of a new account, which is measured at once and each hour from then on. */
export function newStorage(accountId: string, now: number): Item {
  const key = storageKey(accountId)
  return row('storage', key, { bytes: 0, ...dueAt('storage', accountId, key.sk, now) })
}

/** Octets that the account stored when they were last counted. @throws {StoreError} */
export async function storedBytes({ table, caches }: Pick<StoragePorts, 'table' | 'caches'>, accountId: string) {
  const key = storageKey(accountId)
  const known = await caches.storage.get(key, async () => ({ row: await table.get(key) }))
  return (readRow('storage', known?.row)?.bytes as number | undefined) ?? 0
}

/**
 * Refuses to store more for an account that stores as much as it may.
 * @throws {MailError} `storage_full`
 */
export async function refuseIfFull(ports: StoragePorts, accountId: string): Promise<void> {
  const { storageBytes = DEFAULT_STORAGE_GB * GB } = ports
  const bytes = await storedBytes(ports, accountId)
  if (bytes < storageBytes) return
  ports.log.warn('an account stores as much as it may, and is refused more', { account: accountId, bytes })
  throw new MailError('storage_full', 'The account stores as much as it may. Delete mail to make room.')
}
