/**
 * Steps that the operations on a domain share. Identities change first and rows afterwards: after a crash in between, the same
 * call again does the rest.
 */
import { MailError } from '../errors.ts'
import type { Identities } from '../ports/identities.ts'
import type { Attrs, Json, Table, Write } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { readRow } from '../store/codec.ts'
import { domainClaimKey, domainOwnerKey } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { type EmitPorts, emit, newEvent } from '../webhooks/emit.ts'
import { type Domain, domainItem, neededRecords } from './domain.ts'

export type DomainsPorts = EmitPorts & {
  readonly identities: Identities
  readonly caches: Caches
  /** Domains that an account may add. @default 10 that are not verified, 5 a day */
  readonly newDomains?: { readonly unproved: number; readonly aDay: number }
}
type DomainEvent = 'domain.created' | 'domain.updated' | 'domain.deleted'

/** The `data` of the webhooks of a domain. */
export function domainData(domain: Domain): { readonly [name: string]: Json } {
  return {
    id: domain.id,
    name: domain.name,
    status: domain.status,
    created_at: domain.createdAt.toISOString(),
    region: domain.region ?? DEFAULT_REGION,
    records: neededRecords(domain).map((one) => ({
      ...one,
      record: one.record === 'Receiving' ? 'Receiving MX' : one.record,
      ttl: 'Auto',
    })),
  }
}

/** The region that the API shows for a domain that is in none. */
export const DEFAULT_REGION = 'us-east-1'

/** @throws {MailError} `invalid_message` if no domain can receive here */
export function refuseReceiving({ receives = true }: Identities): void {
  if (!receives) throw new MailError('invalid_message', 'This installation only sends: leave `receiving` disabled.')
}

/**
 * Writes the domain over exactly the version that was read, together with `others`, and emits `event` if it is named.
 * Undefined if another call was faster.
 */
export async function writeDomain(
  ports: DomainsPorts,
  accountId: string,
  next: Domain,
  options: { readonly event?: DomainEvent; readonly others?: readonly Write[] } = {},
): Promise<Domain | undefined> {
  const domain = { ...next, version: next.version + 1 }
  const emitted = options.event && newEvent(ports, accountId, options.event, domainData(domain))
  const put: Write = {
    kind: 'put',
    item: domainItem(accountId, domain),
    if: [
      next.version === 0 ? { attr: 'version', op: 'absent' } : { attr: 'version', op: '=', value: next.version },
      { exists: true },
    ],
  }
  const writes = [put, ...(options.others ?? []), ...(emitted ? [emitted.put] : [])]
  if (!(await transactIf(ports.table, writes))) return undefined
  if (emitted) await emit(ports, accountId, emitted.event)
  return domain
}

/** Awaits a call of Identities and logs its error: the user only gets to know that the service is busy. */
export async function loggingErrors<T>({ log }: DomainsPorts, domain: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    log.error('an identity could not be looked at or changed', { domain, error: error as Error })
    throw error
  }
}

/** The rows of the name: of its owner, and of the account that is proving it. `holder`: the one that keeps others out. */
export async function holderOf(table: Table, name: string, now: number) {
  const [ownerRow, claimRow] = await table.getMany([domainOwnerKey(name), domainClaimKey(name)])
  const [owner, claim] = [readRow('domain-owner', ownerRow), readRow('domain-claim', claimRow)]
  const isLive = claim !== undefined && (claim.until as number) > now
  return { owner, claim, holder: owner ?? (isLive ? claim : undefined) }
}

export function takenBy(accountId: string, holder: Attrs, name: string): MailError {
  const message =
    holder.accountId === accountId
      ? `You have the domain ${name} already.`
      : `The domain ${name} belongs to another account, or is being verified by it.`
  return new MailError('conflict', message)
}
