/** Domains an account sends from and receives for. A name has one owner: the row of the name is put if absent. */
import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { type Item, isConditionFailed, type Key, type Table } from '../ports/table.ts'

export type Domain = { readonly id: string; readonly name: string; readonly createdAt: Date }
export type DomainPorts = { readonly table: Table; readonly clock: Clock; readonly ids: Ids }

const MAX_DOMAINS = 1000
const ownerKey = (name: string): Key => ({ pk: `domain#${name}`, sk: 'owner' })
const listKey = (accountId: string, id: string): Key => ({ pk: `${accountId}#domains`, sk: id })

/**
 * Takes a domain as verified on the operator's word: from the settings, or given with an account.
 * A domain that the account has already stays as it is.
 * @throws {MailError} `conflict` if another account has it
 */
export async function claimDomain(ports: DomainPorts, accountId: string, name: string): Promise<void> {
  const id = ports.ids.next()
  const at = ports.clock.now()
  try {
    await ports.table.transact([
      { kind: 'put', item: { ...ownerKey(name), accountId, id }, if: [{ exists: false }] },
      { kind: 'put', item: { ...listKey(accountId, id), name, at }, if: [{ exists: false }] },
    ])
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    if ((await domainOwner(ports.table, name)) !== accountId) {
      throw new MailError('conflict', `The domain ${name} belongs to another account.`)
    }
  }
}

/** The account that sends from and receives for a domain; `name` in lower case. */
export async function domainOwner(table: Table, name: string): Promise<string | undefined> {
  const row = await table.get(ownerKey(name))
  return row?.accountId as string | undefined
}

/** Newest first; at most 1,000. */
export async function listDomains(table: Table, accountId: string): Promise<readonly Domain[]> {
  const { items } = await table.query({ pk: `${accountId}#domains`, reverse: true, limit: MAX_DOMAINS })
  return items.map(domainOf)
}

/** @throws {MailError} `not_found` */
export async function getDomain(table: Table, accountId: string, id: string): Promise<Domain> {
  const item = await table.get(listKey(accountId, id))
  if (item === undefined) throw new MailError('not_found', 'Domain not found')
  return domainOf(item)
}

const domainOf = (item: Item): Domain => ({
  id: item.sk,
  name: item.name as string,
  createdAt: new Date(item.at as number),
})
