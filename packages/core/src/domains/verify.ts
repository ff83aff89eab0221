/**
 * A domain is looked at when somebody asks: by POST /verify at once, and by GET at most every five seconds while it is
 * pending. Nothing looks by itself, so nothing is asked of DNS or SES for a domain that nobody cares about any more.
 */
import type { Identity } from '../ports/identities.ts'
import { StoreError, type Write } from '../ports/table.ts'
import { asking, type DomainsPorts, holderOf, takenBy, writeDomain } from './change.ts'
import { VERIFY_WITHIN_MS } from './create.ts'
import { getDomain } from './domains.ts'
import { type Domain, ownerKey, pendingKey, switchedOff } from './rows.ts'

const CHECK_EVERY_MS = 5000
const TRIES = 3

/**
 * Looks for the records now; from here on the owner has three days to publish them. A verified domain stays so.
 * @throws {MailError} `not_found`, `conflict` if the name is somebody else's by now
 * @throws {StoreError} `Unavailable`, `Throttled`
 */
export async function verifyDomain(ports: DomainsPorts, accountId: string, id: string): Promise<Domain> {
  const domain = await getDomain(ports.table, accountId, id)
  if (domain.returnPath === undefined) return domain
  return check(ports, accountId, domain.owned ? domain : await begin(ports, accountId, domain))
}

/** The domain as it is now; if it can't be looked at, as it was. @throws {MailError} `not_found` */
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

/** A creation that a crash cut off has its rows, and perhaps not its identity. */
async function finish(ports: DomainsPorts, accountId: string, domain: Domain): Promise<Domain> {
  const { records } = await asking(ports, domain.name, identityOf(ports, domain))
  return (await writeDomain(ports, accountId, { ...domain, records }, { event: 'domain.created' })) ?? domain
}

/** Keeps the name for the account, and marks the domain as pending. */
async function begin(ports: DomainsPorts, accountId: string, domain: Domain): Promise<Domain> {
  const { id, name } = domain
  const now = ports.clock.now()
  const { pending, holder } = await holderOf(ports.table, name, now)
  if (holder !== undefined && holder.id !== id) throw takenBy(accountId, holder, name)
  // Somebody else was about to prove it in the meantime, with records that are not this account's.
  if (pending !== undefined && pending.id !== id) await asking(ports, name, ports.identities.remove(name))
  const until = now + VERIFY_WITHIN_MS
  const others: readonly Write[] = [
    { kind: 'check', key: ownerKey(name), if: [{ exists: false }] },
    {
      kind: 'put',
      item: { ...pendingKey(name), accountId, id, until },
      if: [pending === undefined ? { exists: false } : { attr: 'until', op: '=', value: pending.until as number }],
    },
  ]
  const next: Domain = { ...domain, status: 'pending', until }
  const event = domain.status === 'pending' ? {} : { event: 'domain.updated' as const }
  return (await writeDomain(ports, accountId, next, { ...event, others })) ?? getDomain(ports.table, accountId, id)
}

async function check(ports: DomainsPorts, accountId: string, domain: Domain): Promise<Domain> {
  const identity = await asking(ports, domain.name, identityOf(ports, domain))
  let current = domain
  for (let tries = 1; tries <= TRIES; tries++) {
    const written = await record(ports, accountId, current, identity)
    if (written !== undefined) return written
    current = await getDomain(ports.table, accountId, domain.id)
    if (current.owned !== domain.owned) break
  }
  return current
}

/** What was given up, or got lost, begins anew. */
async function identityOf({ identities }: DomainsPorts, { name, returnPath = '' }: Domain): Promise<Identity> {
  const found = await identities.status(name)
  return found === undefined || found.status === 'failed' ? identities.create(name, { returnPath }) : found
}

async function record(ports: DomainsPorts, accountId: string, domain: Domain, identity: Identity) {
  const now = ports.clock.now()
  const next: Domain = { ...domain, records: identity.records, checkedAt: now, status: statusOf(domain, identity, now) }
  const event = next.status === domain.status ? {} : { event: 'domain.updated' as const }
  if (domain.owned || next.status !== 'verified') return writeDomain(ports, accountId, next, event)
  const holding = await holderOf(ports.table, domain.name, now)
  if (holding.pending?.id !== domain.id || holding.owner !== undefined) {
    return writeDomain(ports, accountId, { ...next, status: 'failed' }, { event: 'domain.updated' })
  }
  if (domain.capabilities.receiving) await asking(ports, domain.name, ports.identities.receive(domain.name, true))
  return own(ports, accountId, next)
}

function statusOf(domain: Domain, identity: Identity, now: number): Domain['status'] {
  if (identity.status === 'verified') return 'verified'
  if (domain.owned) return 'temporary_failure'
  return now > domain.until ? 'failed' : 'pending'
}

/** From here on it is this account's, and no other's. Undefined if somebody was faster. */
function own(ports: DomainsPorts, accountId: string, domain: Domain): Promise<Domain | undefined> {
  const { id, name, capabilities } = domain
  const others: readonly Write[] = [
    {
      kind: 'put',
      item: { ...ownerKey(name), accountId, id, ...switchedOff(capabilities) },
      if: [{ exists: false }],
    },
    { kind: 'delete', key: pendingKey(name), if: [{ attr: 'id', op: '=', value: id }] },
  ]
  return writeDomain(ports, accountId, { ...domain, owned: true }, { event: 'domain.updated', others })
}
