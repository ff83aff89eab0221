import { MailError } from '../errors.ts'
import { isConditionFailed, type Write } from '../ports/table.ts'
import { announce, bornEvent } from '../webhooks/announce.ts'
import { asking, type DomainsPorts, domainData, holderOf } from './change.ts'
import { forgetOwners, getDomain } from './domains.ts'
import { type Domain, listKey } from './rows.ts'

const TRIES = 3

/**
 * Gives the domain up: it neither sends nor receives when this resolves, and anybody may add it.
 * @throws {MailError} `not_found`, `conflict` if others go on changing it
 * @throws {StoreError}
 */
export async function removeDomain(ports: DomainsPorts, accountId: string, id: string): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries++) {
    // Looked at again after each failure: it may have been removed, or verified, in between.
    const domain = await getDomain(ports.table, accountId, id)
    if (await removeOnce(ports, accountId, domain)) return
  }
  throw new MailError('conflict', 'The domain is being changed by another request.')
}

async function removeOnce(ports: DomainsPorts, accountId: string, domain: Domain): Promise<boolean> {
  const { id, name } = domain
  const { owner, pending } = await holderOf(ports.table, name, ports.clock.now())
  const held = [owner, pending].filter((row) => row !== undefined).filter((row) => row.id === id)
  // Otherwise the identity is another account's by now.
  if (held.length > 0) await asking(ports, name, removeIdentity(ports, domain))
  const born = bornEvent(ports, accountId, 'domain.deleted', domainData(domain))
  const rows = held.map(
    ({ pk, sk }): Write => ({ kind: 'delete', key: { pk, sk }, if: [{ attr: 'id', op: '=', value: id }] }),
  )
  try {
    const listed: Write = { kind: 'delete', key: listKey(accountId, id), if: [{ exists: true }] }
    await ports.table.transact([listed, ...rows, born.put])
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
  forgetOwners(ports.table)
  await announce(ports, accountId, born.event)
  return true
}

async function removeIdentity({ identities }: DomainsPorts, { name, owned, capabilities, returnPath }: Domain) {
  if (owned && capabilities.receiving) await identities.receive(name, false)
  if (returnPath !== undefined) await identities.remove(name)
}
