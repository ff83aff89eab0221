import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { StoreError, type Table } from '../ports/table.ts'
import { row } from '../store/codec.ts'
import { accountKey } from '../store/keys.ts'
import { putIfAbsent } from '../store/once.ts'

type Account = { readonly id: string; readonly name: string; readonly createdAt: Date }
type AccountPorts = { readonly table: Table; readonly clock: Clock }

/** The account that every installation begins with. It owns the domains of the settings. */
export const FIRST_ACCOUNT = 'first'

export async function createAccount(ports: AccountPorts & { readonly ids: Ids }, name: string): Promise<Account> {
  const account = { id: ports.ids.next(), name, createdAt: new Date(ports.clock.now()) }
  if (!(await putAccount(ports.table, account))) throw new StoreError('Conflict', 'a new account has the id of another')
  return account
}

/** Makes the first account if it is not there. True if this call made it. */
export function ensureFirstAccount({ table, clock }: AccountPorts): Promise<boolean> {
  return putAccount(table, { id: FIRST_ACCOUNT, name: 'First account', createdAt: new Date(clock.now()) })
}

function putAccount(table: Table, { id, name, createdAt }: Account): Promise<boolean> {
  return putIfAbsent(table, row('account', accountKey(id), { name, at: createdAt.getTime() }))
}
