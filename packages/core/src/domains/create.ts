import { isLabel } from '@kabutar/mail/domain-name.ts'
import { FIRST_ACCOUNT } from '../accounts/accounts.ts'
import { MailError } from '../errors.ts'
import type { Write } from '../ports/table.ts'
import { addCounted } from '../store/counts.ts'
import { countKey, domainClaimKey, domainKey, domainOwnerKey, domainPartition, utcDay } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { loggedPage, readableRows } from '../store/pages.ts'
import { type DomainsPorts, holderOf, loggingErrors, refuseReceiving, takenBy, writeDomain } from './change.ts'
import { type Capabilities, claimItem, type Domain, domainItem, domainOfItem } from './domain.ts'
import { getDomain, validDomainName } from './domains.ts'

type NewDomain = {
  readonly name: string
  readonly region?: string
  /** One label of a domain name. */
  readonly returnPath?: string
  readonly capabilities?: Partial<Capabilities>
  /** Uses an identity that exists at SES outside of this installation, and leaves it there when the domain is removed. */
  readonly connect?: boolean
}

/** The time for which a name is reserved for an account that is proving it. */
export const VERIFY_WITHIN_MS = 72 * 3600_000
const RETURN_PATH = 'send'
export const NEW_DOMAINS = { unproved: 10, aDay: 5 } as const
/** The newest domains of an account: those that wait to be verified are among them unless hundreds were. */
const LOOKED_AT = 200
const COUNT_SECONDS = 2 * 24 * 3600

/**
 * Adds a domain that is still to be verified: until then it may neither send nor receive. Answers it with the records to
 * publish.
 * @throws {MailError} `invalid_message`, `conflict` if an account has it, `not_found` if it is removed at the same time,
 * `restricted_key` if another account than the operator's wants to connect an identity
 * @throws {StoreError}
 */
export async function createDomain(ports: DomainsPorts, accountId: string, wanted: NewDomain): Promise<Domain> {
  if (wanted.connect) mayConnect(ports, accountId)
  const domain = newDomain(ports, wanted)
  await refuseTooMany(ports, accountId)
  const { claim } = await keepName(ports, accountId, domain)
  try {
    // Another account's identity must not prove this one's domain.
    const { identities } = ports
    if (claim !== undefined) await loggingErrors(ports, domain.name, identities.remove(domain.name))
    const { returnPath = RETURN_PATH } = domain
    const begun = identities.create(domain.name, { accountId, returnPath, ...(wanted.connect && { connect: true }) })
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

/** An existing identity is verified already, so it proves nothing about the account that asks for it. */
function mayConnect({ identities }: DomainsPorts, accountId: string): void {
  if (!identities.connects) throw new MailError('invalid_message', 'This installation has no identities to connect to.')
  if (accountId === FIRST_ACCOUNT) return
  throw new MailError('restricted_key', "Only the operator's first account may connect an existing identity.")
}

/** Names that are not proved are kept from other accounts, so an account can hold few of them. @throws {MailError} `conflict` */
async function refuseTooMany(ports: DomainsPorts, accountId: string) {
  const { table, clock, newDomains = NEW_DOMAINS } = ports
  const now = clock.now()
  const { items } = await table.query({ pk: domainPartition(accountId), reverse: true, limit: LOOKED_AT })
  const known = loggedPage(ports, readableRows(items, domainOfItem)).items
  const unproved = known.filter(({ owned, until }) => !owned && until > now)
  if (unproved.length >= newDomains.unproved) {
    throw new MailError('conflict', `At most ${newDomains.unproved} domains can wait to be verified. Remove one first.`)
  }
  const today = { ...countKey(accountId, `domains-${utcDay(now)}`), ttl: Math.floor(now / 1000) + COUNT_SECONDS }
  if (await addCounted(table, today, newDomains.aDay, [])) return
  throw new MailError('conflict', `An account can add at most ${newDomains.aDay} domains a day.`)
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
  if (capabilities?.receiving) refuseReceiving(identities)
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
