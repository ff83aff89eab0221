import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { type Item, StoreError, type Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { accountKey, accountPartition } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { type ListPage, listRows } from '../store/pages.ts'
import { ownRetention, type Retention } from './retention.ts'
import { newStorage } from './storage.ts'

export type Account = {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  /** Its own; what is absent is as the installation has it. */
  readonly retention: Retention
}
type AccountPorts = { readonly table: Table; readonly clock: Clock }

/** The account that every installation begins with. It owns the domains of the settings. */
export const FIRST_ACCOUNT = 'first'
const MAX_LISTED = 1000

export async function createAccount(ports: AccountPorts & { readonly ids: Ids }, name: string): Promise<Account> {
  const account = { id: ports.ids.next(), name, createdAt: new Date(ports.clock.now()), retention: {} }
  if (!(await putAccount(ports.table, account))) throw new StoreError('Conflict', 'a new account has the id of another')
  return account
}

/** Makes the first account if it is not there. True if this call made it. */
export function ensureFirstAccount({ table, clock }: AccountPorts): Promise<boolean> {
  const createdAt = new Date(clock.now())
  return putAccount(table, { id: FIRST_ACCOUNT, name: 'First account', createdAt, retention: {} })
}

/** All accounts, newest first, except that the first account comes first. */
export function listAccounts(table: Table): Promise<ListPage<Account>> {
  return listRows(table, { pk: accountPartition }, { limit: MAX_LISTED }, accountOf)
}

/** @throws {MailError} `not_found` */
export async function getAccount(table: Table, id: string): Promise<Account> {
  const item = await table.get(accountKey(id))
  if (item === undefined) throw new MailError('not_found', 'Account not found')
  return accountOf(item)
}

function accountOf(stored: Item): Account {
  const { sk, name, at, ...rest } = readRow('account', stored)
  return { id: sk, name: name as string, createdAt: new Date(at as number), retention: ownRetention(rest) }
}

function putAccount(table: Table, { id, name, createdAt }: Account): Promise<boolean> {
  const at = createdAt.getTime()
  const rows = [row('account', accountKey(id), { name, at }), newStorage(id, at)]
  return transactIf(
    table,
    rows.map((item) => ({ kind: 'put', item, if: [{ exists: false }] }) as const),
  )
}
