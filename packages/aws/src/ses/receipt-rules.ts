/**
 * SES receipt rules for the domains that receive. An account has one active rule set, which other apps may share: our rules
 * are added at its end, and other rules are never changed or moved. A set holds 200 rules, so domains share the rules
 * `<prefix>1`, `<prefix>2` and so on. SES replaces a rule whole and has no conditional writes, so a change takes a lease in
 * the table, and is written only while the lease lasts longer than the call can take.
 *
 * A rule of ours that writes to another bucket or topic is left of a stage of the same name that was removed. Its bucket's
 * name is free for anybody, so each change first leads such rules to the bucket and topic of this stage.
 */
import {
  CreateReceiptRuleCommand,
  DeleteReceiptRuleCommand,
  DescribeActiveReceiptRuleSetCommand,
  type ReceiptAction,
  type ReceiptRule,
  SESClient,
  UpdateReceiptRuleCommand,
} from '@aws-sdk/client-ses'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { type ClientOptions, httpHandler } from '../sdk-client.ts'
import { storeError } from '../store-errors.ts'
import { type ReceiptRuleLease, takeReceiptRuleLease } from './receipt-rule-lease.ts'

type RuleOptions = {
  /** Names of our rules begin with it, and the bucket's policy admits only such rules. */
  readonly prefix: string
  /** The set that was active when the stage was deployed; an error names it if none is active. */
  readonly ruleSet: string
  readonly bucket: string
  readonly topicArn: string
  readonly table: Table
  readonly clock: Clock
}
export type ReceiptRules = { receive(domain: string, on: boolean): Promise<void> }

/** Prefix of the objects that SES writes, as in stacks/storage.ts. */
const INBOUND = 'inbound/'
/** Recipients of one rule. SES's documentation said 100 once and says 500 now. */
const MAX_RECIPIENTS = 100
const ANSWER_MS = 4_000
const CALL_MS = ANSWER_MS + 2_000
/** SES takes each of these calls at most once a second. */
export const PAUSE_MS = 1_100
const TRIES = 8
/** Errors after which the rules are read again: another process changed them, or SES throttles. */
const AGAIN =
  /^(Throttling|ThrottlingException|AlreadyExists|AlreadyExistsException|RuleDoesNotExist|RuleDoesNotExistException)$/

/** The client makes one attempt: after an error the rules must be read again. */
export function rulesClient(options: ClientOptions = {}): SESClient {
  return new SESClient({ ...options, maxAttempts: 1, requestHandler: httpHandler({ answerWithinMs: ANSWER_MS }) })
}

export function receiptRules(client: SESClient, options: RuleOptions): ReceiptRules {
  const { table, clock, prefix } = options
  return {
    async receive(domain, on) {
      const lease = await takeReceiptRuleLease(table, clock, prefix)
      try {
        await change(client, options, lease, domain, on)
      } finally {
        await lease.release()
      }
    },
  }
}

type RuleSet = { readonly name: string; readonly last: string | undefined; readonly ours: readonly ReceiptRule[] }

async function change(client: SESClient, options: RuleOptions, lease: ReceiptRuleLease, domain: string, on: boolean) {
  for (let tries = 1; tries <= TRIES; tries++) {
    if (!lease.lasts(2 * CALL_MS)) await lease.renew()
    try {
      const set = await activeSet(client, options)
      const stale = set.ours.find((rule) => !leadsHere(rule, options))
      const holding = set.ours.find(({ Recipients = [] }) => Recipients.includes(domain))
      if (stale === undefined && (holding !== undefined) === on) return
      if (!lease.lasts(CALL_MS)) continue
      if (stale !== undefined) {
        await client.send(new UpdateReceiptRuleCommand({ RuleSetName: set.name, Rule: ledHere(stale, options) }))
        continue
      }
      await (holding === undefined ? add(client, options, set, domain) : drop(client, set, holding, domain))
      return
    } catch (error) {
      if (!AGAIN.test((error as Error).name)) throw storeError(error)
      await options.clock.sleep(PAUSE_MS * (0.5 + Math.random()))
    }
  }
  throw new StoreError('Throttled', 'SES did not take a change of its receipt rules')
}

/** @throws {StoreError} `Unavailable` if no set is active: only the deployment or the operator activates one */
async function activeSet(client: SESClient, { prefix, ruleSet }: RuleOptions): Promise<RuleSet> {
  const { Metadata, Rules = [] } = await client.send(new DescribeActiveReceiptRuleSetCommand({}))
  if (Metadata?.Name === undefined) {
    throw new StoreError('Unavailable', `no receipt rule set is active: activate ${ruleSet}, or deploy again`)
  }
  const ours = Rules.filter(({ Name }) => isRuleOf(Name, prefix))
  return { name: Metadata.Name, last: Rules.at(-1)?.Name, ours }
}

/** True for the names that `add` gives to the rules of a stage. */
export function isRuleOf(name = '', prefix: string): boolean {
  return name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length))
}

type Destination = Pick<RuleOptions, 'bucket' | 'topicArn'>

const writesHere = ({ S3Action }: ReceiptAction, { bucket, topicArn }: Destination) =>
  S3Action?.BucketName === bucket && S3Action.ObjectKeyPrefix === INBOUND && S3Action.TopicArn === topicArn

function leadsHere({ Actions = [] }: ReceiptRule, to: Destination): boolean {
  const written = Actions.filter(({ S3Action }) => S3Action !== undefined)
  return written.length > 0 && written.every((action) => writesHere(action, to))
}

/** The rule with its S3 action, or a new one, on this stage's bucket; what else the operator put into it stays. */
function ledHere(rule: ReceiptRule, to: Destination): ReceiptRule {
  const others = (rule.Actions ?? []).filter(({ S3Action }) => S3Action === undefined)
  return { ...rule, Actions: [actionTo(to), ...others] }
}

const actionTo = ({ bucket, topicArn }: Destination): ReceiptAction => ({
  S3Action: { BucketName: bucket, ObjectKeyPrefix: INBOUND, TopicArn: topicArn },
})

async function add(client: SESClient, options: RuleOptions, set: RuleSet, domain: string): Promise<void> {
  const roomy = set.ours.find(({ Recipients = [] }) => Recipients.length < MAX_RECIPIENTS)
  if (roomy !== undefined) {
    const Rule = { ...roomy, Recipients: [...(roomy.Recipients ?? []), domain] }
    await client.send(new UpdateReceiptRuleCommand({ RuleSetName: set.name, Rule }))
    return
  }
  const taken = new Set(set.ours.map(({ Name }) => Name))
  const free = Array.from({ length: taken.size + 1 }, (_, n) => `${options.prefix}${n + 1}`)
  const Rule = ruleOf(options, free.find((name) => !taken.has(name)) ?? '', domain)
  const After = set.last === undefined ? {} : { After: set.last }
  await client.send(new CreateReceiptRuleCommand({ RuleSetName: set.name, Rule, ...After }))
}

function ruleOf(to: Destination, Name: string, domain: string): ReceiptRule {
  return {
    Name,
    Enabled: true,
    TlsPolicy: 'Optional',
    ScanEnabled: true,
    Recipients: [domain],
    Actions: [actionTo(to)],
  }
}

/** Removes a domain from its rule; a rule without recipients would take all mail of the account, so it is deleted. */
async function drop(client: SESClient, set: RuleSet, rule: ReceiptRule, domain: string): Promise<void> {
  const Recipients = (rule.Recipients ?? []).filter((recipient) => recipient !== domain)
  const RuleSetName = set.name
  await (Recipients.length === 0
    ? client.send(new DeleteReceiptRuleCommand({ RuleSetName, RuleName: rule.Name }))
    : client.send(new UpdateReceiptRuleCommand({ RuleSetName, Rule: { ...rule, Recipients } })))
}
