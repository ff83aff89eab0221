/**
 * An account has one active receipt rule set, and everything that receives mail in it depends on that one. So rules
 * join the active set, whoever made it: another app, another stage, or an earlier deployment of this one. Only if there
 * is none is a set of ours made and activated. Both outlive the stage, and the next deployment, which finds them active
 * and no longer declares them: neither is ever deactivated or deleted, since another may have joined meanwhile.
 */
export async function joinedRuleSet(): Promise<string> {
  const active = await activeRuleSet()
  if (active !== undefined) return active
  const options = { retainOnDelete: true }
  const ruleSet = new aws.ses.ReceiptRuleSet('RuleSet', { ruleSetName: $app.name }, options)
  new aws.ses.ActiveReceiptRuleSet('ActiveRuleSet', { ruleSetName: ruleSet.ruleSetName }, options)
  return $app.name
}

/** How the provider says that there is none. Any other error stops the deployment: a guess could replace a set in use. */
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
