/** API keys. A token is shown once and kept as its SHA-256 only; the key row answers a token with its rights. */
import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { type Item, isConditionFailed, type Key, type Table } from '../ports/table.ts'
import { Recent } from '../store/cache.ts'

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
}
export type NewKey = {
  readonly name: string
  readonly permission: Permission
  readonly domain?: { readonly id: string; readonly name: string }
}
export type KeyPorts = { readonly table: Table; readonly clock: Clock; readonly ids: Ids }

const TOKEN_BYTES = 32
const USED_EVERY_MS = 3_600_000
const MAX_KEYS = 100

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')
const tokenKey = (hash: string): Key => ({ pk: `key#${hash}`, sk: 'key' })
const listKey = (accountId: string, id: string): Key => ({ pk: `${accountId}#keys`, sk: id })

/** `re_`, then 32 random bytes and their CRC-32 in base64url, so that a mistyped or cut token can be told from a real one. */
export function newToken(): string {
  const random = randomBytes(TOKEN_BYTES)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32BE(crc32(random))
  return `re_${Buffer.concat([random, checksum]).toString('base64url')}`
}

/** Makes a key; the token cannot be had again. @throws {MailError} `conflict` past 100 keys */
export async function createKey(
  ports: KeyPorts,
  accountId: string,
  key: NewKey,
): Promise<{ id: string; token: string }> {
  const { items } = await ports.table.query({ pk: `${accountId}#keys`, limit: MAX_KEYS })
  if (items.length >= MAX_KEYS) throw new MailError('conflict', `An account has at most ${MAX_KEYS} API keys.`)
  const token = newToken()
  return { id: await putKey(ports, accountId, key, token), token }
}

/** Accepts a token of the operator's choice, once; a token that is known already stays as it is. */
export async function adoptKey(ports: KeyPorts, accountId: string, key: NewKey, token: string): Promise<void> {
  try {
    await putKey(ports, accountId, key, token)
  } catch (error) {
    if (!isConditionFailed(error)) throw error
  }
}

async function putKey(ports: KeyPorts, accountId: string, key: NewKey, token: string): Promise<string> {
  const id = ports.ids.next()
  const hash = hashOf(token)
  const shared = { permission: key.permission, ...(key.domain && { domain: key.domain.name, domainId: key.domain.id }) }
  await ports.table.transact([
    { kind: 'put', item: { ...tokenKey(hash), accountId, keyId: id, ...shared }, if: [{ exists: false }] },
    {
      kind: 'put',
      item: { ...listKey(accountId, id), name: key.name, hash, at: ports.clock.now(), ...shared },
      if: [{ exists: false }],
    },
  ])
  return id
}

const known = new Recent<Item>()

/**
 * The key behind a token, as it was at most five seconds ago. Notes its use, at most once an hour.
 * @throws {MailError} `invalid_key`
 */
export async function authenticate(ports: Pick<KeyPorts, 'table' | 'clock'>, token: string): Promise<ApiKey> {
  const key = tokenKey(hashOf(token))
  const row = await known.get(ports, key, () => usedRow(ports, key))
  if (row === undefined) throw new MailError('invalid_key', 'API key is invalid.')
  return {
    accountId: row.accountId as string,
    keyId: row.keyId as string,
    permission: row.permission as Permission,
    ...(row.domain !== undefined && { domain: row.domain as string }),
  }
}

async function usedRow({ table, clock }: Pick<KeyPorts, 'table' | 'clock'>, key: Key): Promise<Item | undefined> {
  const row = await table.get(key)
  const now = clock.now()
  if (row !== undefined && !(typeof row.usedAt === 'number' && row.usedAt + USED_EVERY_MS > now))
    await noteUse(table, row, now)
  return row
}

async function noteUse(table: Table, { pk, sk }: Item, now: number): Promise<void> {
  try {
    await table.write({ kind: 'update', key: { pk, sk }, set: { usedAt: now }, if: [{ exists: true }] })
  } catch (error) {
    // Deleted in this very moment: the request was authenticated before that.
    if (!isConditionFailed(error)) throw error
  }
}

/** Newest first. */
export async function listKeys(table: Table, accountId: string): Promise<readonly KeyDescription[]> {
  const { items } = await table.query({ pk: `${accountId}#keys`, reverse: true, limit: MAX_KEYS })
  const used = await table.getMany(items.map((item) => tokenKey(item.hash as string)))
  return items.map((item, index) => descriptionOf(item, used[index]?.usedAt as number | undefined))
}

function descriptionOf(item: Item, usedAt: number | undefined): KeyDescription {
  return {
    id: item.sk,
    name: item.name as string,
    permission: item.permission as Permission,
    createdAt: new Date(item.at as number),
    ...(item.domainId !== undefined && { domainId: item.domainId as string }),
    ...(usedAt !== undefined && { lastUsedAt: new Date(usedAt) }),
  }
}

/** @throws {MailError} `not_found` */
export async function renameKey(table: Table, accountId: string, id: string, name: string): Promise<void> {
  try {
    await table.write({ kind: 'update', key: listKey(accountId, id), set: { name }, if: [{ exists: true }] })
  } catch (error) {
    if (isConditionFailed(error)) throw new MailError('not_found', 'API key not found')
    throw error
  }
}

/** When this resolves, this process refuses the token; others may know the key for five more seconds. @throws {MailError} `not_found` */
export async function deleteKey(table: Table, accountId: string, id: string): Promise<void> {
  const row = await table.get(listKey(accountId, id))
  if (row === undefined) throw new MailError('not_found', 'API key not found')
  await table.transact([
    { kind: 'delete', key: tokenKey(row.hash as string) },
    { kind: 'delete', key: listKey(accountId, id) },
  ])
  known.forget(table)
}
