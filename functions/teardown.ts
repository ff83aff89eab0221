import { identitiesClient } from '@kabutar/aws/ses/identities.ts'
import { rulesClient } from '@kabutar/aws/ses/receipt-rules.ts'
import { removeReceiptRules } from '@kabutar/aws/ses/remove-receipt-rules.ts'
import { removeTenants } from '@kabutar/aws/ses/tenants.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { setting } from './settings.ts'

const rules = process.env.KABUTAR_RECEIVING === 'off' ? undefined : rulesClient()
const owner = setting('KABUTAR_OWNER')
const tenants = process.env.KABUTAR_TENANTS === undefined ? undefined : identitiesClient()

/** Tells what happens to the stage: the deployment invokes the function with it (stacks/teardown.ts). */
type Lifecycle = { readonly tf?: { readonly action?: 'create' | 'update' | 'delete' } }

/** Deletes the receipt rules and the tenants of the stage when the stage is removed. An error stops the removal. */
export async function handler({ tf }: Lifecycle): Promise<{ readonly removed: readonly string[] }> {
  if (tf?.action !== 'delete') return { removed: [] }
  const prefix = `${owner}.`
  const removedRules = rules ? await removeReceiptRules(rules, { prefix, clock: systemClock }) : []
  return { removed: [...removedRules, ...(tenants ? await removeTenants(tenants, owner) : [])] }
}
