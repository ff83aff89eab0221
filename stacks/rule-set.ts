/**
 * An account has one active receipt rule set, and everything that receives mail in it depends on that one. So rules
 * join the active set, whoever made it; only if there is none is a set of ours made and activated. Neither is ever
 * deactivated or deleted by this app: another may have joined meanwhile.
 */
export async function joinedRuleSet(): Promise<string> {
  const ours = $app.name
  const active = await activeRuleSet()
  if (active !== undefined && active !== ours) return active
  const ruleSet = new aws.ses.ReceiptRuleSet('RuleSet', { ruleSetName: ours }, { retainOnDelete: true })
  new aws.ses.ActiveReceiptRuleSet('ActiveRuleSet', { ruleSetName: ruleSet.ruleSetName }, { retainOnDelete: true })
  return ours
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
