import { rulesClient } from '@kabutar/aws/ses/receipt-rules.ts'
import { removeReceiptRules } from '@kabutar/aws/ses/remove-receipt-rules.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { setting } from './settings.ts'

const client = rulesClient()
const prefix = `${setting('KABUTAR_OWNER')}.`

/** Tells what happens to the stage: the deployment invokes the function with it (stacks/teardown.ts). */
type Lifecycle = { readonly tf?: { readonly action?: 'create' | 'update' | 'delete' } }

/** Deletes the receipt rules of the stage when the stage is removed. An error stops the removal. */
export async function handler({ tf }: Lifecycle): Promise<{ readonly removed: readonly string[] }> {
  if (tf?.action !== 'delete') return { removed: [] }
  return { removed: await removeReceiptRules(client, { prefix, clock: systemClock }) }
}
