import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { isConditionFailed, type Table } from '../ports/table.ts'

export type Account = { readonly id: string; readonly name: string; readonly createdAt: Date }

/** The account that every installation begins with. It owns the domains of the settings. */
export const FIRST_ACCOUNT = 'first'

const key = (id: string) => ({ pk: `${id}#account`, sk: 'v' })

export async function createAccount(
  ports: { readonly table: Table; readonly clock: Clock; readonly ids: Ids },
  name: string,
): Promise<Account> {
  return putAccount(ports, ports.ids.next(), name)
}

/** Makes the first account if it is not there. True if it was made by this call. */
export async function ensureFirstAccount(ports: { readonly table: Table; readonly clock: Clock }): Promise<boolean> {
  try {
    await putAccount(ports, FIRST_ACCOUNT, 'First account')
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
}

async function putAccount(
  ports: { readonly table: Table; readonly clock: Clock },
  id: string,
  name: string,
): Promise<Account> {
  const at = ports.clock.now()
  await ports.table.write({ kind: 'put', item: { ...key(id), name, at }, if: [{ exists: false }] })
  return { id, name, createdAt: new Date(at) }
}
