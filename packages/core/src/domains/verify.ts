/**
 * Checks the records of a domain when a user asks: POST /verify checks at once, GET at most every five seconds while the
 * domain is pending. Nothing checks by itself, so that DNS and SES get no questions about domains that nobody uses.
 */
import type { Identity } from '../ports/identities.ts'
import { StoreError, type Write } from '../ports/table.ts'
import { domainClaimKey, domainOwnerKey } from '../store/keys.ts'
import { type DomainsPorts, holderOf, loggingErrors, takenBy, writeDomain } from './change.ts'
import { VERIFY_WITHIN_MS } from './create.ts'
import { claimItem, type Domain, ownerItem } from './domain.ts'
import { getDomain } from './domains.ts'

const CHECK_EVERY_MS = 5000
const TRIES = 3

/**
 * Checks the records now, and gives the owner three days from now to publish them. A verified domain stays verified.
 * @throws {MailError} `not_found`, `conflict` if the name is another account's by now
 * @throws {StoreError} `Unavailable`, `Throttled`
 */
export async function verifyDomain(ports: DomainsPorts, accountId: string, id: string): Promise<Domain> {
  const domain = await getDomain(ports.table, accountId, id)
  if (domain.returnPath === undefined) return domain
  return check(ports, accountId, domain.owned ? domain : await begin(ports, accountId, domain))
}

/** The domain, checked if it is time to; as it was if it can't be checked. @throws {MailError} `not_found` */
export async function readDomain(ports: DomainsPorts, accountId: string, id: string): Promise<Domain> {
  const domain = await getDomain(ports.table, accountId, id)
  const rests = domain.checkedAt + CHECK_EVERY_MS > ports.clock.now()
  const unfinished = domain.status === 'not_started' && domain.records.length === 0
  if (!unfinished && (domain.status !== 'pending' || rests)) return domain
  try {
    return await (unfinished ? finish(ports, accountId, domain) : check(ports, accountId, domain))
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return domain
  }
}

/** Finishes a creation that a crash cut off: the rows are there, and perhaps not the identity. */
async function finish(ports: DomainsPorts, accountId: string, domain: Domain): Promise<Domain> {
  const { records } = await loggingErrors(ports, domain.name, identityOf(ports, accountId, domain))
  return (await writeDomain(ports, accountId, { ...domain, records }, { event: 'domain.created' })) ?? domain
}

/** Keeps the name for the account, and marks the domain as pending. */
async function begin(ports: DomainsPorts, accountId: string, domain: Domain): Promise<Domain> {
  const { id, name } = domain
  const now = ports.clock.now()
  const { claim, holder } = await holderOf(ports.table, name, now)
  if (holder !== undefined && holder.id !== id) throw takenBy(accountId, holder, name)
  // Another account was proving it, with records that are not this account's.
  if (claim !== undefined && claim.id !== id) await loggingErrors(ports, name, ports.identities.remove(name))
  const until = now + VERIFY_WITHIN_MS
  const others: readonly Write[] = [
    { kind: 'check', key: domainOwnerKey(name), if: [{ exists: false }] },
    {
      kind: 'put',
      item: claimItem(accountId, { id, name, until }),
      if: [claim === undefined ? { exists: false } : { attr: 'until', op: '=', value: claim.until as number }],
    },
  ]
  const next: Domain = { ...domain, status: 'pending', until }
  const event = domain.status === 'pending' ? {} : { event: 'domain.updated' as const }
  return (await writeDomain(ports, accountId, next, { ...event, others })) ?? getDomain(ports.table, accountId, id)
}

async function check(ports: DomainsPorts, accountId: string, domain: Domain): Promise<Domain> {
  const identity = await loggingErrors(ports, domain.name, identityOf(ports, accountId, domain))
  let current = domain
  for (let tries = 1; tries <= TRIES; tries++) {
    const written = await record(ports, accountId, current, identity)
    if (written !== undefined) return written
    current = await getDomain(ports.table, accountId, domain.id)
    if (current.owned !== domain.owned) break
  }
  return current
}

/** The identity of the domain, made again if it failed or is missing. */
async function identityOf(
  { identities }: DomainsPorts,
  accountId: string,
  { name, returnPath = '' }: Domain,
): Promise<Identity> {
  const found = await identities.status(name)
  return found === undefined || found.status === 'failed' ? identities.create(name, { accountId, returnPath }) : found
}

async function record(ports: DomainsPorts, accountId: string, domain: Domain, identity: Identity) {
  const now = ports.clock.now()
  const next: Domain = { ...domain, records: identity.records, checkedAt: now, status: statusOf(domain, identity, now) }
  const event = next.status === domain.status ? {} : { event: 'domain.updated' as const }
  if (domain.owned || next.status !== 'verified') return writeDomain(ports, accountId, next, event)
  const holding = await holderOf(ports.table, domain.name, now)
  if (holding.claim?.id !== domain.id || holding.owner !== undefined) {
    return writeDomain(ports, accountId, { ...next, status: 'failed' }, { event: 'domain.updated' })
  }
  if (domain.capabilities.receiving)
    await loggingErrors(ports, domain.name, ports.identities.receive(domain.name, true))
  return own(ports, accountId, next)
}

function statusOf(domain: Domain, identity: Identity, now: number): Domain['status'] {
  if (identity.status === 'verified') return 'verified'
  if (domain.owned) return 'partially_failed'
  return now > domain.until ? 'failed' : 'pending'
}

/** Makes the domain this account's and no other's. Undefined if another call was faster. */
function own(ports: DomainsPorts, accountId: string, domain: Domain): Promise<Domain | undefined> {
  const { id, name } = domain
  const others: readonly Write[] = [
    { kind: 'put', item: ownerItem(accountId, domain), if: [{ exists: false }] },
    { kind: 'delete', key: domainClaimKey(name), if: [{ attr: 'id', op: '=', value: id }] },
  ]
  return writeDomain(ports, accountId, { ...domain, owned: true }, { event: 'domain.updated', others })
}
