/** The domains of the settings: an account has them while they stand there. */
import { FIRST_ACCOUNT } from '../accounts/accounts.ts'
import type { Write } from '../ports/table.ts'
import { domainOwnerKey } from '../store/keys.ts'
import { type DomainsPorts, writeDomain } from './change.ts'
import type { Domain } from './domain.ts'
import { claimDomain, listDomains } from './domains.ts'
import { removeDomain } from './remove.ts'

const MAX_DOMAINS = 10_000

/**
 * Gives the first account the domains of the settings, and takes back those that earlier starts gave it and that are not
 * among them any more. One that the DNS proves stays the account's; one that was added over the API stays to be verified.
 * @throws {MailError} `conflict` if another account has one of them
 */
export async function adoptDomains(ports: DomainsPorts, names: readonly string[]): Promise<void> {
  for (const name of names) await claimDomain(ports, FIRST_ACCOUNT, name, { fromSetting: true })
  const { items } = await listDomains(ports.table, FIRST_ACCOUNT, { limit: MAX_DOMAINS })
  const outdated = items.filter((domain) => domain.fromSetting && !names.includes(domain.name))
  for (const domain of outdated) await takeBack(ports, domain)
}

async function takeBack(ports: DomainsPorts, { fromSetting: _, ...domain }: Domain): Promise<void> {
  if (domain.returnPath === undefined) return removeDomain(ports, FIRST_ACCOUNT, domain.id)
  if (isProved(domain)) {
    await writeDomain(ports, FIRST_ACCOUNT, domain)
    return
  }
  const disowned: Write = {
    kind: 'delete',
    key: domainOwnerKey(domain.name),
    if: [{ attr: 'id', op: '=', value: domain.id }],
  }
  const next: Domain = { ...domain, status: 'not_started', owned: false }
  await writeDomain(ports, FIRST_ACCOUNT, next, { event: 'domain.updated', others: [disowned] })
  ports.caches.sendingDomains.clear()
}

const isProved = ({ records }: Domain) =>
  records.some(({ record, status }) => record === 'DKIM' && status === 'verified') &&
  records.every(({ record, status }) => record !== 'DKIM' || status === 'verified')
