import {
  DeleteReceiptRuleCommand,
  DescribeReceiptRuleSetCommand,
  ListReceiptRuleSetsCommand,
  type SESClient,
} from '@aws-sdk/client-ses'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { isRuleOf, PAUSE_MS } from './receipt-rules.ts'

type RemoveOptions = { readonly prefix: string; readonly clock: Pick<Clock, 'sleep'> }

const MAX_PAGES = 10
const TRIES = 5

/**
 * Deletes the receipt rules of a stage from every rule set, also from those that are not active, and answers their names.
 * A rule that is left of a removed stage would let whoever takes the name of its bucket receive the mail.
 */
export async function removeReceiptRules(
  client: SESClient,
  { prefix, clock }: RemoveOptions,
): Promise<readonly string[]> {
  const removed: string[] = []
  for (const RuleSetName of await ruleSets(client, clock)) {
    const { Rules = [] } = await paced(clock, () => client.send(new DescribeReceiptRuleSetCommand({ RuleSetName })))
    for (const { Name: RuleName } of Rules.filter(({ Name }) => isRuleOf(Name, prefix))) {
      await paced(clock, () => client.send(new DeleteReceiptRuleCommand({ RuleSetName, RuleName })))
      removed.push(RuleName ?? '')
    }
  }
  return removed
}

async function ruleSets(client: SESClient, clock: RemoveOptions['clock']): Promise<readonly string[]> {
  const names: string[] = []
  let NextToken: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const command = new ListReceiptRuleSetsCommand(NextToken === undefined ? {} : { NextToken })
    const answer = await paced(clock, () => client.send(command))
    names.push(...(answer.RuleSets ?? []).flatMap(({ Name }) => Name ?? []))
    NextToken = answer.NextToken
    if (NextToken === undefined) return names
  }
  throw new Error('the account has more receipt rule sets than can be looked at')
}

/** Tries again after a throttle: SES takes each of these calls once a second. */
async function paced<T>(clock: RemoveOptions['clock'], call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (tries === TRIES || !/^Throttling/.test((error as Error).name)) throw error
      await clock.sleep(PAUSE_MS * tries)
    }
  }
}
