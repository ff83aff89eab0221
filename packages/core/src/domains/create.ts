import { MailError } from '../errors.ts'
import { isConditionFailed, type Write } from '../ports/table.ts'
import { asking, type DomainsPorts, holderOf, takenBy, writeDomain } from './change.ts'
import { domainName, getDomain } from './domains.ts'
import { type Capabilities, type Domain, domainItem, listKey, ownerKey, pendingKey } from './rows.ts'

export type NewDomain = {
  readonly name: string
  readonly region?: string
  /** A label. */
  readonly returnPath?: string
  readonly capabilities?: Partial<Capabilities>
}

/** For so long a name is kept for an account that does not prove it, and an owner's records are looked for. */
export const VERIFY_WITHIN_MS = 72 * 3600_000
const RETURN_PATH = 'send'
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * A domain to be verified: until then it may neither send nor receive. The records to publish come with it.
 * @throws {MailError} `invalid_message`, `conflict` if it is somebody's, `not_found` if it is removed meanwhile
 * @throws {StoreError}
 */
export async function createDomain(ports: DomainsPorts, accountId: string, wanted: NewDomain): Promise<Domain> {
  const domain = newDomain(ports, wanted)
  const { pending } = await keepName(ports, accountId, domain)
  try {
    // What another account began with is none of this one's proof.
    const { identities } = ports
    if (pending !== undefined) await asking(ports, domain.name, identities.remove(domain.name))
    const begun = identities.create(domain.name, { returnPath: domain.returnPath ?? RETURN_PATH })
    const { records } = await asking(ports, domain.name, begun)
    const made = await writeDomain(ports, accountId, { ...domain, records }, { event: 'domain.created' })
    return made ?? (await getDomain(ports.table, accountId, domain.id))
  } catch (error) {
    await ports.table.transact([
      { kind: 'delete', key: listKey(accountId, domain.id) },
      { kind: 'delete', key: pendingKey(domain.name) },
    ])
    throw error
  }
}

function newDomain({ ids, clock, identities }: DomainsPorts, wanted: NewDomain): Domain {
  const { region = identities.region, returnPath = RETURN_PATH, capabilities } = wanted
  if (identities.region !== undefined && region !== identities.region) {
    throw new MailError('invalid_message', `Domains of this installation are in the region ${identities.region}.`)
  }
  if (!LABEL.test(returnPath))
    throw new MailError('invalid_message', 'Invalid `custom_return_path` field: not a label.')
  if (!identities.ownReturnPath && wanted.returnPath !== undefined) {
    throw new MailError('invalid_message', 'Return paths are in the domain itself: leave `custom_return_path` out.')
  }
  const now = clock.now()
  return {
    id: ids.next(),
    name: domainName(wanted.name),
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

/** The rows, if the name is free. Answers the `pending` of an account whose time is over. */
async function keepName(ports: DomainsPorts, accountId: string, domain: Domain) {
  const { name, id, until } = domain
  const { pending, holder } = await holderOf(ports.table, name, ports.clock.now())
  if (holder !== undefined) throw takenBy(accountId, holder, name)
  const rows: readonly Write[] = [
    { kind: 'check', key: ownerKey(name), if: [{ exists: false }] },
    {
      kind: 'put',
      item: { ...pendingKey(name), accountId, id, until },
      if: [pending === undefined ? { exists: false } : { attr: 'until', op: '=', value: pending.until as number }],
    },
    { kind: 'put', item: domainItem(accountId, domain), if: [{ exists: false }] },
  ]
  try {
    await ports.table.transact(rows)
  } catch (error) {
    if (isConditionFailed(error)) throw takenBy(accountId, {}, name)
    throw error
  }
  return { pending }
}
