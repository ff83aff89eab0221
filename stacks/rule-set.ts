import { DescribeReceiptRuleSetCommand, SESClient } from '@aws-sdk/client-ses'

/**
 * Returns the name of the receipt rule set that the stage's rules join. An account has one active set, which other apps may
 * depend on, so rules join the active set, also one of others. Only an account without one gets a set of ours, which is
 * activated, and created unless it exists: somebody may have deactivated it. It is retained when the stage is removed, and
 * when a later deployment finds it active and no longer declares it: another app may have joined it in the meantime.
 */
export async function joinedRuleSet(): Promise<string> {
  const active = await activeRuleSet()
  if (active !== undefined) return active
  const options = { retainOnDelete: true }
  const ruleSetName = (await exists($app.name))
    ? $app.name
    : new aws.ses.ReceiptRuleSet('RuleSet', { ruleSetName: $app.name }, options).ruleSetName
  new aws.ses.ActiveReceiptRuleSet('ActiveRuleSet', { ruleSetName }, options)
  return $app.name
}

/** Asks SES itself, because the provider has no data source for a set that is not active, and cannot create one twice. */
async function exists(RuleSetName: string): Promise<boolean> {
  const { region } = await aws.getRegion()
  const client = new SESClient({ region })
  try {
    await client.send(new DescribeReceiptRuleSetCommand({ RuleSetName }))
    return true
  } catch (error) {
    if (/^RuleSetDoesNotExist/.test((error as Error).name)) return false
    throw error
  } finally {
    client.destroy()
  }
}

/** The provider's words for an account without one. Other errors stop the deployment: a guess could replace a set in use. */
const NONE = /empty result|couldn't find resource|RuleSetDoesNotExist/i

async function activeRuleSet(): Promise<string | undefined> {
  try {
    const { ruleSetName } = await aws.ses.getActiveReceiptRuleSet()
    return ruleSetName || undefined
  } catch (error) {
    if (NONE.test(String(error))) return undefined
    throw error
  }
}
