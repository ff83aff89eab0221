/**
 * What the operations on a domain share. Identities come first and rows afterwards: what a crash leaves in between is
 * mended by the same call again.
 */
import { MailError } from '../errors.ts'
import type { Identities } from '../ports/identities.ts'
import { type Attrs, isConditionFailed, type Json, type Table, type Write } from '../ports/table.ts'
import { type AnnouncePorts, announce, bornEvent } from '../webhooks/announce.ts'
import { type Domain, domainItem, neededRecords, ownerKey, pendingKey } from './rows.ts'

export type DomainsPorts = AnnouncePorts & { readonly identities: Identities }
export type DomainEvent = 'domain.created' | 'domain.updated' | 'domain.deleted'

/** What webhooks tell of a domain. */
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

/** What the wire says of a domain that is in no region. */
export const DEFAULT_REGION = 'us-east-1'

/**
 * Writes the domain over exactly the version that was read, together with `others`, and tells of it if `event` is named.
 * Undefined if somebody was faster.
 */
export async function writeDomain(
  ports: DomainsPorts,
  accountId: string,
  next: Domain,
  options: { readonly event?: DomainEvent; readonly others?: readonly Write[] } = {},
): Promise<Domain | undefined> {
  const domain = { ...next, version: next.version + 1 }
  const born = options.event && bornEvent(ports, accountId, options.event, domainData(domain))
  const put: Write = {
    kind: 'put',
    item: domainItem(accountId, domain),
    if: [
      next.version === 0 ? { attr: 'v', op: 'absent' } : { attr: 'v', op: '=', value: next.version },
      { exists: true },
    ],
  }
  try {
    await ports.table.transact([put, ...(options.others ?? []), ...(born ? [born.put] : [])])
  } catch (error) {
    if (isConditionFailed(error)) return undefined
    throw error
  }
  if (born) await announce(ports, accountId, born.event)
  return domain
}

/** Asks Identities, and logs what they could not do: the caller only hears that the service is busy. */
export async function asking<T>({ log }: DomainsPorts, domain: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    log.error('an identity could not be looked at or changed', { domain, error: error as Error })
    throw error
  }
}

/** Who has the name, or is about to prove it. */
export async function holderOf(table: Table, name: string, now: number) {
  const [owner, pending] = await table.getMany([ownerKey(name), pendingKey(name)])
  const runs = pending !== undefined && (pending.until as number) > now
  return { owner, pending, holder: owner ?? (runs ? pending : undefined) }
}

export function takenBy(accountId: string, holder: Attrs, name: string): MailError {
  const message =
    holder.accountId === accountId
      ? `You have the domain ${name} already.`
      : `The domain ${name} belongs to another account, or is being verified by it.`
  return new MailError('conflict', message)
}
