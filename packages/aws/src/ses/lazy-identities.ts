import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Identities } from '@kabutar/core/ports/identities.ts'
import { dnsRecords } from '@kabutar/core/ports/resolver.ts'
import type { Table } from '@kabutar/core/ports/table.ts'

export type LazyIdentitiesOptions = {
  readonly region: string
  /** `<app>-<stage>-` */
  readonly prefix: string
  readonly ruleSet: string
  readonly bucket: string
  readonly topicArn: string
  readonly table: Table
  readonly clock: Clock
}

/** The Identities of SES, with both of its clients loaded by the first call that needs them: few requests do. */
export function lazyIdentities(options: LazyIdentitiesOptions): Identities {
  let opened: Promise<Identities> | undefined
  const open = () => {
    opened ??= openIdentities(options)
    return opened
  }
  return {
    region: options.region,
    ownReturnPath: true,
    create: async (...call) => (await open()).create(...call),
    status: async (...call) => (await open()).status(...call),
    remove: async (...call) => (await open()).remove(...call),
    receive: async (...call) => (await open()).receive(...call),
  }
}

async function openIdentities(options: LazyIdentitiesOptions): Promise<Identities> {
  const { sesIdentities, identitiesClient } = await import('./identities.ts')
  const rules = {
    async receive(domain: string, on: boolean) {
      const { receiptRules, rulesClient } = await import('./receipt-rules.ts')
      await receiptRules(rulesClient(), options).receive(domain, on)
    },
  }
  const { region, prefix: owner } = options
  return sesIdentities(identitiesClient(), { region, owner, rules, records: dnsRecords() })
}
