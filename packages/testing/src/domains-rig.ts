/** Ports for tests of domains: identities that the test sets, and the ports of sending. */
import type { Identities, Identity } from '@kabutar/core/ports/identities.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { type Rig, testPorts } from './sending-rig.ts'

export type TestIdentities = Identities & {
  /** Domains whose owner publishes the records. */
  readonly published: Set<string>
  readonly known: Set<string>
  readonly receiving: Set<string>
  /** True makes every call fail. */
  broken: boolean
}

export function testIdentities(): TestIdentities {
  const identityOf = (domain: string): Identity => {
    const status = identities.published.has(domain) ? 'verified' : 'pending'
    return {
      status,
      records: [
        { record: 'DKIM', type: 'TXT', name: `k._domainkey.${domain}`, value: 'p=1', status },
        { record: 'SPF', type: 'MX', name: `send.${domain}`, value: 'feedback.test', priority: 10, status },
        { record: 'Receiving', type: 'MX', name: domain, value: 'mx.test', priority: 10, status },
      ],
    }
  }
  const check = () => {
    if (identities.broken) throw new StoreError('Unavailable', 'no answer')
  }
  const identities: TestIdentities = {
    published: new Set(),
    known: new Set(),
    receiving: new Set(),
    broken: false,
    ownReturnPath: true,
    async create(domain) {
      check()
      identities.known.add(domain)
      return identityOf(domain)
    },
    async status(domain) {
      check()
      return identities.known.has(domain) ? identityOf(domain) : undefined
    },
    async remove(domain) {
      check()
      identities.known.delete(domain)
    },
    async receive(domain, on) {
      check()
      if (on) identities.receiving.add(domain)
      else identities.receiving.delete(domain)
    },
  }
  return identities
}

export type DomainRig = Rig & { readonly identities: TestIdentities }

/** The operator gave kabutar.test to account `a`. */
export async function domainPorts(): Promise<DomainRig> {
  return { ...(await testPorts()), identities: testIdentities() }
}
