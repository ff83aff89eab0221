import { Resolver as DnsResolver, lookup } from 'node:dns/promises'
import type { Records, Resolver } from '@kabutar/core/ports/resolver.ts'

/** Asks the operating system, whose hosts file counts too. */
export const systemResolver: Resolver = {
  lookup: async (hostname) => {
    const answers = await lookup(hostname, { all: true, order: 'verbatim' })
    return answers.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
  },
}

const ANSWER_WITHIN_MS = 2000
const TRIES = 2
const NONE = new Set(['ENODATA', 'ENOTFOUND', 'NXDOMAIN'])

/** Asks `server`, an `address:port` with IPv6 in brackets; without one, the name servers of the operating system. */
export function dnsRecords(server?: string): Records {
  const resolver = new DnsResolver({ timeout: ANSWER_WITHIN_MS, tries: TRIES })
  if (server !== undefined) resolver.setServers([server])
  return {
    txt: async (name) => (await orNone(resolver.resolveTxt(name))).map((parts) => parts.join('')),
    mx: async (name) =>
      (await orNone(resolver.resolveMx(name))).map(({ exchange, priority }) => ({
        exchange: exchange.toLowerCase().replace(/\.$/, ''),
        priority,
      })),
  }
}

async function orNone<T>(answers: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answers
  } catch (error) {
    if (NONE.has((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}
