import { MailError } from '../errors.ts'
import type { Write } from '../ports/table.ts'
import { domainKey } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { emit, newEvent } from '../webhooks/emit.ts'
import { type DomainsPorts, domainData, holderOf, loggingErrors } from './change.ts'
import type { Domain } from './domain.ts'
import { getDomain } from './domains.ts'

const TRIES = 3

/**
 * Removes the domain from the account: when this resolves it neither sends nor receives, and any account may add it.
 * @throws {MailError} `not_found`, `conflict` if others change it three times in between
 * @throws {StoreError}
 */
export async function removeDomain(ports: DomainsPorts, accountId: string, id: string): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries++) {
    // Read again after each failure: another call may have removed or verified it.
    const domain = await getDomain(ports.table, accountId, id)
    if (await removeOnce(ports, accountId, domain)) return
  }
  throw new MailError('conflict', 'The domain is being changed by another request.')
}

async function removeOnce(ports: DomainsPorts, accountId: string, domain: Domain): Promise<boolean> {
  const { id, name } = domain
  const { owner, claim } = await holderOf(ports.table, name, ports.clock.now())
  const held = [owner, claim].filter((row) => row !== undefined).filter((row) => row.id === id)
  // Without a row of the name, the identity may be another account's by now.
  if (held.length > 0) await loggingErrors(ports, name, removeIdentity(ports, domain))
  const emitted = newEvent(ports, accountId, 'domain.deleted', domainData(domain))
  const rows = held.map(
    ({ pk, sk }): Write => ({ kind: 'delete', key: { pk, sk }, if: [{ attr: 'id', op: '=', value: id }] }),
  )
  const listed: Write = { kind: 'delete', key: domainKey(accountId, id), if: [{ exists: true }] }
  if (!(await transactIf(ports.table, [listed, ...rows, emitted.put]))) return false
  ports.caches.sendingDomains.clear()
  await emit(ports, accountId, emitted.event)
  return true
}

async function removeIdentity({ identities }: DomainsPorts, { name, owned, capabilities, returnPath }: Domain) {
  if (owned && capabilities.receiving) await identities.receive(name, false)
  if (returnPath !== undefined) await identities.remove(name)
}
