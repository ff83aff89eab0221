/**
 * A domain as its rows tell it. `domain#<name>` has `owner` once it is verified, and before that `pending`, which keeps
 * the name for the account that is about to prove it: nobody else gets at its identity meanwhile.
 */
import type { DomainRecord } from '../ports/identities.ts'
import type { Attrs, Item, Json, Key } from '../ports/table.ts'

export type DomainStatus = 'not_started' | 'pending' | 'verified' | 'failed' | 'temporary_failure'
export type Capability = 'sending' | 'receiving'
export type Capabilities = Readonly<Record<Capability, boolean>>

export type Domain = {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  /** `temporary_failure`: it was verified, and its records are not to be found now. */
  readonly status: DomainStatus
  /** Only then may it send and receive. */
  readonly owned: boolean
  readonly capabilities: Capabilities
  /** To publish, as they were found when they were last looked at; none for a domain that the operator vouches for. */
  readonly records: readonly DomainRecord[]
  readonly region?: string
  /** What its return paths begin with; undefined for a domain that the operator vouches for. */
  readonly returnPath?: string
  /** Epoch milliseconds; 0 for never. */
  readonly checkedAt: number
  /** When the verification is given up (epoch milliseconds). */
  readonly until: number
  /** Counts the writes; each is conditional on the one before. */
  readonly version: number
}

export const ownerKey = (name: string): Key => ({ pk: `domain#${name}`, sk: 'owner' })
export const pendingKey = (name: string): Key => ({ pk: `domain#${name}`, sk: 'pending' })
export const listKey = (accountId: string, id: string): Key => ({ pk: `${accountId}#domains`, sk: id })

export function domainItem(accountId: string, domain: Domain): Item {
  const { id, createdAt, capabilities, records, version, ...rest } = domain
  return {
    ...listKey(accountId, id),
    ...rest,
    ...switchedOff(capabilities),
    records: records as unknown as Json,
    at: createdAt.getTime(),
    v: version,
  }
}

/** A row of the settings, or of an operator's word, has a name and a time alone. */
export function domainOf(item: Item): Domain {
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
    checkedAt: (item.checkedAt as number | undefined) ?? 0,
    until: (item.until as number | undefined) ?? 0,
    version: (item.v as number | undefined) ?? 0,
  }
}

/** Of a capability only its absence is written. */
export function switchedOff({ sending, receiving }: Capabilities): Attrs {
  return { ...(!sending && { sending }), ...(!receiving && { receiving }) }
}

/** What is worth publishing for what the domain is used for; the keys in any case, since they prove whose it is. */
export function neededRecords({ records, capabilities }: Domain): readonly DomainRecord[] {
  return records.filter(
    ({ record }) =>
      record === 'DKIM' ||
      (record === 'SPF' && capabilities.sending) ||
      (record === 'Receiving' && capabilities.receiving),
  )
}
