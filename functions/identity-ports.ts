import { lazyIdentities } from '@kabutar/aws/ses/lazy-identities.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { setting } from './settings.ts'

/**
 * Identities and receipt rules of SES, for domains that are added at run time. Apart from the other ports, since what
 * is behind an import() is bundled with every function that names it.
 */
export function identityPorts({ table }: { readonly table: Table }) {
  const identities = lazyIdentities({
    region: setting('AWS_REGION'),
    prefix: setting('KABUTAR_RULE_PREFIX'),
    ruleSet: setting('KABUTAR_RULE_SET'),
    bucket: setting('KABUTAR_BUCKET'),
    topicArn: setting('KABUTAR_INBOUND_TOPIC'),
    table,
    clock: systemClock,
  })
  return { identities }
}
