/**
 * A domain and its rows. The row of its name is `domain-owner` once it is verified. Before that it is `domain-claim`, which
 * keeps the name for the account that is proving it, so that no other account can change its identity.
 */
import type { DomainRecord } from '../ports/identities.ts'
import type { Attrs, Item, Json } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { domainClaimKey, domainKey, domainOwnerKey } from '../store/keys.ts'

type DomainStatus = 'not_started' | 'pending' | 'verified' | 'failed' | 'partially_failed'
export type Capability = 'sending' | 'receiving'
export type Capabilities = Readonly<Record<Capability, boolean>>

export type Domain = {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  /** `partially_failed`: it was verified, and its records can't be found now. */
  readonly status: DomainStatus
  /** It is verified for the account, so it may send and receive. */
  readonly owned: boolean
  readonly capabilities: Capabilities
  /** Records to publish, with the state of the last check; none for a domain that the operator vouches for. */
  readonly records: readonly DomainRecord[]
  readonly region?: string
  /** The first label of its return paths; undefined for a domain that the operator vouches for. */
  readonly returnPath?: string
  /** It stands in a setting, and is the account's only while it does, unless the DNS proves it. */
  readonly fromSetting?: boolean
  /** Epoch milliseconds; 0 for never. */
  readonly checkedAt: number
  /** The verification is given up then (epoch milliseconds). */
  readonly until: number
  /** Counts the writes; each is conditional on the number that was read. */
  readonly version: number
}

/** Says that the domain is the account's: it may send and receive as its capabilities say. */
export function ownerItem(
  accountId: string,
  { id, name, capabilities }: Pick<Domain, 'id' | 'name' | 'capabilities'>,
): Item {
  return row('domain-owner', domainOwnerKey(name), { accountId, id, ...switchedOff(capabilities) })
}

/** Keeps the name for the account until a time. */
export function claimItem(accountId: string, { id, name, until }: Pick<Domain, 'id' | 'name' | 'until'>): Item {
  return row('domain-claim', domainClaimKey(name), { accountId, id, until })
}

export function domainItem(accountId: string, domain: Domain): Item {
  const { id, createdAt, capabilities, records, version, ...rest } = domain
  return row('domain', domainKey(accountId, id), {
    ...rest,
    ...switchedOff(capabilities),
    records: records as unknown as Json,
    at: createdAt.getTime(),
    version,
  })
}

/** The row of a domain that the operator vouches for, by the settings or by giving it to an account: a name and a time. */
export function givenDomainItem(
  accountId: string,
  { id, name, at, fromSetting }: { id: string; name: string; at: number; fromSetting: boolean },
): Item {
  return row('domain', domainKey(accountId, id), { name, at, ...(fromSetting && { fromSetting }) })
}

/** @throws {StoreError} `UnknownFormat` */
export function domainOfItem(stored: Item): Domain {
  const item = readRow('domain', stored)
  const given = item.status === undefined
  return {
    id: item.sk,
    name: item.name as string,
    createdAt: new Date(item.at as number),
    status: given ? 'verified' : (item.status as DomainStatus),
    owned: given || item.owned === true,
    capabilities: { sending: item.sending !== false, receiving: item.receiving !== false },
    records: (item.records ?? []) as unknown as readonly DomainRecord[],
    ...(typeof item.region === 'string' && { region: item.region }),
    ...(typeof item.returnPath === 'string' && { returnPath: item.returnPath }),
    ...(item.fromSetting === true && { fromSetting: true }),
    checkedAt: (item.checkedAt as number | undefined) ?? 0,
    until: (item.until as number | undefined) ?? 0,
    version: (item.version as number | undefined) ?? 0,
  }
}

/** Only capabilities that are off are written. */
function switchedOff({ sending, receiving }: Capabilities): Attrs {
  return { ...(!sending && { sending }), ...(!receiving && { receiving }) }
}

/** The records to publish for what the domain is used for. The keys are always among them, since they prove whose it is. */
export function neededRecords({ records, capabilities }: Domain): readonly DomainRecord[] {
  return records.filter(
    ({ record }) =>
      record === 'DKIM' ||
      (record === 'SPF' && capabilities.sending) ||
      (record === 'Receiving' && capabilities.receiving),
  )
}
