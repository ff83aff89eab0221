import { MailError } from '../errors.ts'
import type { Write } from '../ports/table.ts'
import { type DomainsPorts, loggingErrors, refuseReceiving, writeDomain } from './change.ts'
import { type Capabilities, type Domain, ownerItem } from './domain.ts'
import { getDomain } from './domains.ts'

/**
 * Changes what the domain may be used for.
 * @throws {MailError} `not_found`, `conflict` if another call is changing it
 * @throws {StoreError}
 */
export async function updateDomain(
  ports: DomainsPorts,
  accountId: string,
  id: string,
  change: Partial<Capabilities>,
): Promise<Domain> {
  if (change.receiving) refuseReceiving(ports.identities)
  const domain = await getDomain(ports.table, accountId, id)
  const capabilities = { ...domain.capabilities, ...change }
  const { receiving } = capabilities
  if (domain.owned && receiving !== domain.capabilities.receiving) {
    await loggingErrors(ports, domain.name, ports.identities.receive(domain.name, receiving))
  }
  const owner: Write = {
    kind: 'put',
    item: ownerItem(accountId, { ...domain, capabilities }),
    if: [{ attr: 'id', op: '=', value: id }],
  }
  const written = await writeDomain(
    ports,
    accountId,
    { ...domain, capabilities },
    { event: 'domain.updated', others: domain.owned ? [owner] : [] },
  )
  if (written === undefined) throw new MailError('conflict', 'The domain is being changed by another request.')
  ports.caches.sendingDomains.clear()
  return written
}
