/** Domains that an account sends from and receives for. A name has one owner: the row of the name is put if absent. */
import { domainName } from '@kabutar/mail/domain-name.ts'
import { MailError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Item, Table, Write } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { readRow } from '../store/codec.ts'
import { domainClaimKey, domainKey, domainOwnerKey, domainPartition } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { type ListPage, listRows, type PageOptions } from '../store/pages.ts'
import { type Capability, type Domain, domainOfItem, givenDomainItem, ownerItem } from './domain.ts'

export type DomainPorts = { readonly table: Table; readonly clock: Clock; readonly ids: Ids }

/**
 * Takes a domain as verified on the operator's word: from the settings (`fromSetting`), or given with an account.
 * A domain that the account has already stays as it is; one that it was proving needs no proof any more.
 * @throws {MailError} `conflict` if another account has it
 */
export async function claimDomain(
  ports: DomainPorts,
  accountId: string,
  name: string,
  { fromSetting = false }: { readonly fromSetting?: boolean } = {},
): Promise<void> {
  const { table, ids, clock } = ports
  const claim = readRow('domain-claim', await table.get(domainClaimKey(name)))
  const claimed = claim?.accountId === accountId ? (claim.id as string) : undefined
  const id = claimed ?? ids.next()
  const given = givenDomainItem(accountId, { id, name, at: clock.now(), fromSetting })
  const owner = ownerItem(accountId, { id, name, capabilities: { sending: true, receiving: true } })
  const claimedWrites: readonly Write[] = [
    {
      kind: 'update',
      key: domainKey(accountId, id),
      set: { status: 'verified', owned: true, ...(fromSetting && { fromSetting }) },
      add: { version: 1 },
      if: [{ exists: true }],
    },
    { kind: 'delete', key: domainClaimKey(name) },
  ]
  const absent = [{ exists: false }] as const
  const written = await transactIf(table, [
    { kind: 'put', item: owner, if: absent },
    ...(claimed === undefined ? [{ kind: 'put', item: given, if: absent } as const] : claimedWrites),
  ])
  if (!written && (await domainOwner(table, name)) !== accountId) {
    throw new MailError('conflict', `The domain ${name} belongs to another account.`)
  }
}

/** The account that a domain is verified for, if it may be used for `use`; `name` is in lower case. */
export async function domainOwner(table: Table, name: string, use?: Capability): Promise<string | undefined> {
  return ownerFor(await readOwner(table, name), use)
}

const readOwner = async (table: Table, name: string) => readRow('domain-owner', await table.get(domainOwnerKey(name)))

const ownerFor = (owner: Item | undefined, use?: Capability) =>
  use !== undefined && owner?.[use] === false ? undefined : (owner?.accountId as string | undefined)

/** The account that a domain is verified for, if it may send, as it was at most five seconds ago. */
export async function sendingOwner(
  { table, caches }: { readonly table: Table; readonly caches: Caches },
  name: string,
): Promise<string | undefined> {
  return ownerFor(await caches.sendingDomains.get(domainOwnerKey(name), () => readOwner(table, name)), 'sending')
}

/** The account's own domain of a name, if it is verified. @throws {MailError} `not_found` */
export async function domainNamed(
  table: Table,
  accountId: string,
  name: string,
): Promise<{ readonly id: string; readonly name: string }> {
  const owner = await readOwner(table, name)
  if (owner?.accountId === accountId) return { id: owner.id as string, name }
  throw new MailError('not_found', 'Domain not found')
}

/** A page of the account's domains, newest first. */
export function listDomains(table: Table, accountId: string, options: PageOptions): Promise<ListPage<Domain>> {
  return listRows(table, { pk: domainPartition(accountId) }, options, domainOfItem)
}

/** @throws {MailError} `not_found` */
export async function getDomain(table: Table, accountId: string, id: string): Promise<Domain> {
  const item = await table.get(domainKey(accountId, id))
  if (item === undefined) throw new MailError('not_found', 'Domain not found')
  return domainOfItem(item)
}

/** Reads the name of a domain as `domainName` does. @throws {MailError} `invalid_message` if it is not one */
export function validDomainName(text: string): string {
  const name = domainName(text)
  if (name === undefined) throw new MailError('invalid_message', `Invalid domain \`${text.slice(0, 100)}\`.`)
  return name
}
