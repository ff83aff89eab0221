/** Domains an account sends from and receives for. A name has one owner: the row of the name is put if absent. */
import { parseDomain } from '@kabutar/mail/address.ts'
import { MalformedError } from '@kabutar/mail/malformed.ts'
import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { isConditionFailed, type Table, type Write } from '../ports/table.ts'
import { Recent } from '../store/cache.ts'
import type { ListOptions } from '../store/timeline.ts'
import { type Capability, type Domain, domainOf, listKey, ownerKey, pendingKey } from './rows.ts'

export type DomainPorts = { readonly table: Table; readonly clock: Clock; readonly ids: Ids }

/**
 * Takes a domain as verified on the operator's word: from the settings, or given with an account.
 * A domain that the account has already stays as it is; one that it was about to prove needs no proof any more.
 * @throws {MailError} `conflict` if another account has it
 */
export async function claimDomain(ports: DomainPorts, accountId: string, name: string): Promise<void> {
  const pending = await ports.table.get(pendingKey(name))
  const known = pending?.accountId === accountId ? (pending.id as string) : undefined
  const id = known ?? ports.ids.next()
  const listed = listKey(accountId, id)
  const rows: readonly Write[] =
    known === undefined
      ? [{ kind: 'put', item: { ...listed, name, at: ports.clock.now() }, if: [{ exists: false }] }]
      : [
          {
            kind: 'update',
            key: listed,
            set: { status: 'verified', owned: true },
            add: { v: 1 },
            if: [{ exists: true }],
          },
          { kind: 'delete', key: pendingKey(name) },
        ]
  try {
    await ports.table.transact([
      { kind: 'put', item: { ...ownerKey(name), accountId, id }, if: [{ exists: false }] },
      ...rows,
    ])
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    if ((await domainOwner(ports.table, name)) !== accountId) {
      throw new MailError('conflict', `The domain ${name} belongs to another account.`)
    }
  }
}

/** The account that a domain is verified for, if it may be used for that; `name` in lower case. */
export async function domainOwner(table: Table, name: string, use?: Capability): Promise<string | undefined> {
  const row = await table.get(ownerKey(name))
  return use !== undefined && row?.[use] === false ? undefined : (row?.accountId as string | undefined)
}

const sendingOwners = new Recent<string>()

/** Likewise for sending, as it was at most five seconds ago. */
export async function sendingOwner(
  ports: Pick<DomainPorts, 'table' | 'clock'>,
  name: string,
): Promise<string | undefined> {
  return sendingOwners.get(ports, ownerKey(name), () => domainOwner(ports.table, name, 'sending'))
}

/** After a domain was given up, or its use was changed: this process sends from it no more. */
export const forgetOwners = (table: Table): void => sendingOwners.forget(table)

/** A page, newest first. */
export async function listDomains(
  table: Table,
  accountId: string,
  { limit, after, before }: ListOptions,
): Promise<{ readonly domains: readonly Domain[]; readonly hasMore: boolean }> {
  const reverse = before === undefined
  const bound = after !== undefined ? { to: after } : before !== undefined ? { from: before } : {}
  // The bound is inclusive, and one more tells whether there are more.
  const { items } = await table.query({ pk: `${accountId}#domains`, ...bound, reverse, limit: limit + 2 })
  const found = items.filter(({ sk }) => sk !== after && sk !== before).map(domainOf)
  const page = found.slice(0, limit)
  return { domains: reverse ? page : page.reverse(), hasMore: found.length > limit }
}

/** @throws {MailError} `not_found` */
export async function getDomain(table: Table, accountId: string, id: string): Promise<Domain> {
  const item = await table.get(listKey(accountId, id))
  if (item === undefined) throw new MailError('not_found', 'Domain not found')
  return domainOf(item)
}

/** In lower case and punycode. @throws {MailError} `invalid_message` */
export function domainName(text: string): string {
  try {
    return parseDomain(text)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    throw new MailError('invalid_message', `Invalid domain \`${text.slice(0, 100)}\`.`, { cause: error })
  }
}
