import { lookup } from 'node:dns/promises'

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
