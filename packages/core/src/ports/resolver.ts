import { Resolver as DnsResolver, lookup } from 'node:dns/promises'

export type Address = { readonly address: string; readonly family: 4 | 6 }

/** Host names to addresses. Nothing may be cached across a change of trust: who connects checks each answer. */
export interface Resolver {
  /** Every address of the name, in the order to try. Rejects if there is none. */
  lookup(hostname: string): Promise<readonly Address[]>
}

/** What the operating system says, hosts file included. */
export const systemResolver: Resolver = {
  lookup: async (hostname) => {
    const answers = await lookup(hostname, { all: true, order: 'verbatim' })
    return answers.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }))
  },
}

/** Records by name. A name that has none answers none; a rejection means that nobody can tell at the moment. */
export interface Records {
  /** The strings of each record joined. */
  txt(name: string): Promise<readonly string[]>
  /** Names in lower case, without a dot at the end. */
  mx(name: string): Promise<readonly { readonly exchange: string; readonly priority: number }[]>
}

const ANSWER_WITHIN_MS = 2000
const TRIES = 2
const NONE = new Set(['ENODATA', 'ENOTFOUND', 'NXDOMAIN'])

/** `server`: `address:port`, IPv6 in brackets; without one, as the operating system is set up. */
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
