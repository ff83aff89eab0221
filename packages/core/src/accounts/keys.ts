/** API keys. A token is shown once and stored as its SHA-256 only. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { type Item, type Key, StoreError, type Table } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { readRow, row } from '../store/codec.ts'
import { addCounted, oneLess, oneMore } from '../store/counts.ts'
import { apiKeyKey, apiKeyPartition, apiKeyTokenKey, countKey } from '../store/keys.ts'
import { transactIf, writeIf } from '../store/once.ts'
import { type ListPage, listRows, type PageOptions } from '../store/pages.ts'

export type Permission = 'full_access' | 'sending_access'
export type ApiKey = {
  readonly accountId: string
  readonly keyId: string
  readonly permission: Permission
  /** If set, the key sends from this domain only. */
  readonly domain?: string
}
export type KeyDescription = {
  readonly id: string
  readonly name: string
  readonly permission: Permission
  readonly domainId?: string
  readonly createdAt: Date
  readonly lastUsedAt?: Date
  /** It is the key of a setting, and holds only while the setting names it. */
  readonly fromSetting: boolean
}
type NewKey = {
  readonly name: string
  readonly permission: Permission
  /** Goes with `sending_access` only. */
  readonly domain?: { readonly id: string; readonly name: string }
}
export type KeyPorts = { readonly table: Table; readonly clock: Clock; readonly ids: Ids }
export type AuthenticatePorts = { readonly table: Table; readonly clock: Clock; readonly caches: Caches }

const TOKEN_BYTES = 32
const USED_EVERY_MS = 3_600_000
/** API keys of an account. */
export const MAX_KEYS = 100

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')

/** Makes a token: `re_`, then 32 random bytes and their CRC-32 in base64url, so that a mistyped token can be recognised. */
export function newToken(ids: Ids): string {
  const random = ids.secret(TOKEN_BYTES)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(random))
  return `re_${Buffer.concat([random, checksum]).toString('base64url')}`
}

/** Makes a key. Its token is not stored, so no later call answers it. @throws {MailError} `conflict` past 100 keys */
export async function createKey(
  ports: KeyPorts,
  accountId: string,
  key: NewKey,
): Promise<{ id: string; token: string }> {
  const token = newToken(ports.ids)
  const { id, writes } = keyRows(ports, accountId, key, token)
  if (await addCounted(ports.table, countKey(accountId, 'keys'), MAX_KEYS, writes)) return { id, token }
  throw new MailError('conflict', `An account has at most ${MAX_KEYS} API keys.`)
}

/**
 * Makes the key of a setting, with a token that the operator chose, and deletes those that earlier starts made of other
 * values. Without a token it only deletes. A token that the account has as a key already stays as it is.
 */
export async function adoptKey(
  ports: KeyPorts & AuthenticatePorts,
  accountId: string,
  key: NewKey,
  token: string | undefined,
): Promise<void> {
  const { items } = await ports.table.query({ pk: apiKeyPartition(accountId), limit: MAX_KEYS })
  const hash = token && hashOf(token)
  const outdated = items.filter((item) => item.fromSetting === true && item.hash !== hash)
  for (const { sk } of outdated) await deleteKey(ports, accountId, sk)
  if (token === undefined) return
  const { writes } = keyRows(ports, accountId, key, token, true)
  await transactIf(ports.table, [...writes, oneMore(countKey(accountId, 'keys'))])
}

function keyRows({ ids, clock }: KeyPorts, accountId: string, key: NewKey, token: string, fromSetting = false) {
  const id = ids.next()
  const hash = hashOf(token)
  const shared = {
    permission: key.permission,
    ...(key.domain && { domain: key.domain.name, domainId: key.domain.id }),
    ...(fromSetting && { fromSetting }),
  }
  const rows = [
    row('api-key-token', apiKeyTokenKey(hash), { accountId, keyId: id, ...shared }),
    row('api-key', apiKeyKey(accountId, id), { name: key.name, hash, at: clock.now(), ...shared }),
  ]
  return { id, writes: rows.map((item) => ({ kind: 'put', item, if: [{ exists: false }] }) as const) }
}

/**
 * Answers the key of a token, as it was at most five seconds ago, and notes its use, at most once an hour.
 * @throws {MailError} `invalid_key`
 */
export async function authenticate(ports: AuthenticatePorts, token: string): Promise<ApiKey> {
  const key = apiKeyTokenKey(hashOf(token))
  const item = await ports.caches.apiKeys.get(key, () => usedRow(ports, key))
  if (item === undefined) throw new MailError('invalid_key', 'API key is invalid.')
  return {
    accountId: item.accountId as string,
    keyId: item.keyId as string,
    permission: item.permission as Permission,
    ...(item.domain !== undefined && { domain: item.domain as string }),
  }
}

async function usedRow({ table, clock }: Pick<KeyPorts, 'table' | 'clock'>, key: Key): Promise<Item | undefined> {
  const item = readRow('api-key-token', await table.get(key))
  const now = clock.now()
  if (item !== undefined && !(typeof item.usedAt === 'number' && item.usedAt + USED_EVERY_MS > now)) {
    await noteUse(table, key, now)
  }
  return item
}

/** A store that takes no write, such as a full disk, loses the time of use: requests that only read are answered all the same. */
async function noteUse(table: Table, key: Key, now: number): Promise<void> {
  try {
    // A key that is deleted at this moment authenticated the request before that.
    await writeIf(table, { kind: 'update', key, set: { usedAt: now }, if: [{ exists: true }] })
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
  }
}

/** A page of the account's keys, newest first. */
export async function listKeys(
  table: Table,
  accountId: string,
  options: PageOptions,
): Promise<ListPage<KeyDescription>> {
  const partition = { pk: apiKeyPartition(accountId) }
  const page = await listRows(table, partition, options, (item) => readRow('api-key', item))
  const used = await table.getMany(page.items.map((item) => apiKeyTokenKey(item.hash as string)))
  return { ...page, items: page.items.map((item, index) => descriptionOf(item, used[index])) }
}

/** True if the account has a key, though it be one that cannot be read. */
export async function hasKeys(table: Table, accountId: string): Promise<boolean> {
  return (await table.query({ pk: apiKeyPartition(accountId), limit: 1 })).items.length > 0
}

function descriptionOf(item: Item, token: Item | undefined): KeyDescription {
  const usedAt = token?.usedAt as number | undefined
  return {
    id: item.sk,
    name: item.name as string,
    permission: item.permission as Permission,
    createdAt: new Date(item.at as number),
    fromSetting: item.fromSetting === true,
    ...(item.domainId !== undefined && { domainId: item.domainId as string }),
    ...(usedAt !== undefined && { lastUsedAt: new Date(usedAt) }),
  }
}

/** @throws {MailError} `not_found` */
export async function renameKey(table: Table, accountId: string, id: string, name: string): Promise<void> {
  const update = { kind: 'update', key: apiKeyKey(accountId, id), set: { name }, if: [{ exists: true }] } as const
  if (!(await writeIf(table, update))) throw new MailError('not_found', 'API key not found')
}

/** When this resolves, this process refuses the token; others may accept it for five more seconds. @throws {MailError} `not_found` */
export async function deleteKey(
  { table, caches }: Omit<AuthenticatePorts, 'clock'>,
  accountId: string,
  id: string,
): Promise<void> {
  const item = readRow('api-key', await table.get(apiKeyKey(accountId, id)))
  if (item === undefined) throw new MailError('not_found', 'API key not found')
  const deleted = await transactIf(table, [
    { kind: 'delete', key: apiKeyTokenKey(item.hash as string) },
    { kind: 'delete', key: apiKeyKey(accountId, id), if: [{ exists: true }] },
    oneLess(countKey(accountId, 'keys')),
  ])
  if (!deleted) throw new MailError('not_found', 'API key not found')
  caches.apiKeys.clear()
}
