import { isLabel } from '@kabutar/mail/domain-name.ts'
import { MailError } from '../errors.ts'
import type { Write } from '../ports/table.ts'
import { domainClaimKey, domainKey, domainOwnerKey } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { type DomainsPorts, holderOf, loggingErrors, takenBy, writeDomain } from './change.ts'
import { type Capabilities, claimItem, type Domain, domainItem } from './domain.ts'
import { getDomain, validDomainName } from './domains.ts'

type NewDomain = {
  readonly name: string
  readonly region?: string
  /** One label of a domain name. */
  readonly returnPath?: string
  readonly capabilities?: Partial<Capabilities>
}

/** The time for which a name is reserved for an account that is proving it. */
export const VERIFY_WITHIN_MS = 72 * 3600_000
const RETURN_PATH = 'send'

/**
 * Adds a domain that is still to be verified: until then it may neither send nor receive. Answers it with the records to
 * publish.
 * @throws {MailError} `invalid_message`, `conflict` if an account has it, `not_found` if it is removed at the same time
 * @throws {StoreError}
 */
export async function createDomain(ports: DomainsPorts, accountId: string, wanted: NewDomain): Promise<Domain> {
  const domain = newDomain(ports, wanted)
  const { claim } = await keepName(ports, accountId, domain)
  try {
    // Another account's identity must not prove this one's domain.
    const { identities } = ports
    if (claim !== undefined) await loggingErrors(ports, domain.name, identities.remove(domain.name))
    const begun = identities.create(domain.name, { returnPath: domain.returnPath ?? RETURN_PATH })
    const { records } = await loggingErrors(ports, domain.name, begun)
    const made = await writeDomain(ports, accountId, { ...domain, records }, { event: 'domain.created' })
    return made ?? (await getDomain(ports.table, accountId, domain.id))
  } catch (error) {
    await ports.table.transact([
      { kind: 'delete', key: domainKey(accountId, domain.id) },
      { kind: 'delete', key: domainClaimKey(domain.name) },
    ])
    throw error
  }
}

function newDomain({ ids, clock, identities }: DomainsPorts, wanted: NewDomain): Domain {
  const { region = identities.region, returnPath = RETURN_PATH, capabilities } = wanted
  if (identities.region !== undefined && region !== identities.region) {
    throw new MailError('invalid_message', `Domains of this installation are in the region ${identities.region}.`)
  }
  if (!isLabel(returnPath)) throw new MailError('invalid_message', 'Invalid `custom_return_path` field: not a label.')
  if (!identities.ownReturnPath && wanted.returnPath !== undefined) {
    throw new MailError('invalid_message', 'Return paths are in the domain itself: leave `custom_return_path` out.')
  }
  const now = clock.now()
  return {
    id: ids.next(),
    name: validDomainName(wanted.name),
    createdAt: new Date(now),
    status: 'not_started',
    owned: false,
    capabilities: { sending: capabilities?.sending ?? true, receiving: capabilities?.receiving ?? false },
    records: [],
    ...(region !== undefined && { region }),
    returnPath,
    checkedAt: 0,
    until: now + VERIFY_WITHIN_MS,
    version: 1,
  }
}

/** Writes the rows if the name is free. Answers the claim of an account whose time for proving it was over. */
async function keepName(ports: DomainsPorts, accountId: string, domain: Domain) {
  const { name } = domain
  const { claim, holder } = await holderOf(ports.table, name, ports.clock.now())
  if (holder !== undefined) throw takenBy(accountId, holder, name)
  const rows: readonly Write[] = [
    { kind: 'check', key: domainOwnerKey(name), if: [{ exists: false }] },
    {
      kind: 'put',
      item: claimItem(accountId, domain),
      if: [claim === undefined ? { exists: false } : { attr: 'until', op: '=', value: claim.until as number }],
    },
    { kind: 'put', item: domainItem(accountId, domain), if: [{ exists: false }] },
  ]
  if (!(await transactIf(ports.table, rows))) throw takenBy(accountId, {}, name)
  return { claim }
}
