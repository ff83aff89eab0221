import { bodyOf, serve } from './servers.ts'

/** Stands in for the receipt rules of SES v1, in its query protocol (forms in, XML out) and with its refusals. */
export type ReceiptRule = {
  readonly Name: string
  readonly Enabled: boolean
  readonly TlsPolicy: string
  readonly ScanEnabled: boolean
  readonly Recipients: readonly string[]
  readonly S3: { readonly BucketName: string; readonly ObjectKeyPrefix: string; readonly TopicArn: string } | undefined
}
export type ReceiptRulesStandIn = {
  readonly endpoint: string
  /** Rules of each set, in order. */
  readonly sets: Map<string, ReceiptRule[]>
  /** Calls that were accepted, in order. */
  readonly calls: string[]
  /** Minimum time between two calls of one kind, a second at SES. */
  active: string | undefined
  everyMs: number
  /** Buckets that SES cannot write to any more, as after the removal of a stage. */
  readonly gone: Set<string>
  /** Called before a call changes anything. */
  before: (action: string) => void | Promise<void>
  close(): void
}

const MAX_RULES = 200
const MAX_RECIPIENTS = 100
const NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/

class Refusal extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export async function startReceiptRules(): Promise<ReceiptRulesStandIn> {
  const lastCalls = new Map<string, number>()
  const { endpoint, close } = await serve(async (request, response) => {
    const form = new URLSearchParams((await bodyOf(request)).toString())
    const action = form.get('Action') ?? ''
    const answer = (status: number, xml: string) =>
      void response.writeHead(status, { 'content-type': 'text/xml' }).end(xml)
    try {
      const now = performance.now()
      const last = lastCalls.get(action) ?? Number.NEGATIVE_INFINITY
      if (now - last < state.everyMs) throw new Refusal('Throttling', 'Rate exceeded')
      lastCalls.set(action, now)
      await state.before(action)
      const xml = act(state, action, form)
      state.calls.push(action)
      answer(200, `<${action}Response><${action}Result>${xml}</${action}Result></${action}Response>`)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const text = `<Type>Sender</Type><Code>${error.code}</Code><Message>${error.message}</Message>`
      answer(400, `<ErrorResponse><Error>${text}</Error><RequestId>1</RequestId></ErrorResponse>`)
    }
  })
  const state: ReceiptRulesStandIn = {
    endpoint,
    sets: new Map(),
    calls: [],
    active: undefined,
    everyMs: 0,
    gone: new Set(),
    before: () => undefined,
    close,
  }
  return state
}

function act(state: ReceiptRulesStandIn, action: string, form: URLSearchParams): string {
  if (action === 'DescribeActiveReceiptRuleSet') return state.active === undefined ? '' : described(state, state.active)
  if (action === 'ListReceiptRuleSets') return listed(state)
  const set = form.get('RuleSetName') ?? ''
  const rules = state.sets.get(set)
  if (rules === undefined) throw new Refusal('RuleSetDoesNotExist', `Rule set does not exist: ${set}`)
  if (action === 'DescribeReceiptRuleSet') return described(state, set)
  if (action === 'CreateReceiptRule') create(rules, ruleOf(state, form), form.get('After'))
  else if (action === 'UpdateReceiptRule') {
    const rule = ruleOf(state, form)
    rules[indexOf(rules, rule.Name)] = rule
  } else if (action === 'DeleteReceiptRule') {
    const name = form.get('RuleName') ?? ''
    state.sets.set(
      set,
      rules.filter(({ Name }) => Name !== name),
    )
  } else throw new Refusal('InvalidAction', `Could not find operation ${action}`)
  return ''
}

function create(rules: ReceiptRule[], rule: ReceiptRule, after: string | null): void {
  const at = after === null ? 0 : indexOf(rules, after) + 1
  if (rules.some(({ Name }) => Name === rule.Name))
    throw new Refusal('AlreadyExists', `Rule already exists: ${rule.Name}`)
  if (rules.length >= MAX_RULES) throw new Refusal('LimitExceeded', 'Too many rules')
  rules.splice(at, 0, rule)
}

function indexOf(rules: readonly ReceiptRule[], name: string): number {
  const at = rules.findIndex(({ Name }) => Name === name)
  if (at < 0) throw new Refusal('RuleDoesNotExist', `Rule does not exist: ${name}`)
  return at
}

function ruleOf({ gone }: ReceiptRulesStandIn, form: URLSearchParams): ReceiptRule {
  const field = (name: string) => form.get(`Rule.${name}`) ?? ''
  const s3 = (name: string) => field(`Actions.member.1.S3Action.${name}`)
  const Recipients = [...form].flatMap(([name, value]) => (name.startsWith('Rule.Recipients.member.') ? [value] : []))
  const Name = field('Name')
  if (!NAME.test(Name)) throw new Refusal('ValidationError', `Invalid rule name ${Name}`)
  if (Recipients.length > MAX_RECIPIENTS) throw new Refusal('LimitExceeded', 'Too many recipients')
  const S3 = { BucketName: s3('BucketName'), ObjectKeyPrefix: s3('ObjectKeyPrefix'), TopicArn: s3('TopicArn') }
  if (S3.BucketName === '' || gone.has(S3.BucketName))
    throw new Refusal('InvalidS3Configuration', 'Could not write to bucket')
  if (!/^arn:aws:sns:/.test(S3.TopicArn)) throw new Refusal('InvalidSnsTopic', `Invalid SNS topic: ${S3.TopicArn}`)
  return {
    Name,
    Enabled: field('Enabled') === 'true',
    TlsPolicy: field('TlsPolicy') || 'Optional',
    ScanEnabled: field('ScanEnabled') === 'true',
    Recipients,
    S3,
  }
}

const metadataOf = (set: string) => `<Name>${set}</Name><CreatedTimestamp>2026-11-22T12:00:00.000Z</CreatedTimestamp>`

function described({ sets }: ReceiptRulesStandIn, set: string): string {
  const rules = (sets.get(set) ?? []).map(xmlOf).join('')
  return `<Metadata>${metadataOf(set)}</Metadata><Rules>${rules}</Rules>`
}

function listed({ sets }: ReceiptRulesStandIn): string {
  return `<RuleSets>${[...sets.keys()].map((set) => `<member>${metadataOf(set)}</member>`).join('')}</RuleSets>`
}

function xmlOf({ Name, Enabled, TlsPolicy, ScanEnabled, Recipients, S3 }: ReceiptRule): string {
  const recipients = Recipients.map((recipient) => `<member>${recipient}</member>`).join('')
  const s3 = S3 ? Object.entries(S3).map(([name, value]) => `<${name}>${value}</${name}>`) : []
  const action =
    s3.length > 0 ? `<S3Action>${s3.join('')}</S3Action>` : '<StopAction><Scope>RuleSet</Scope></StopAction>'
  const head = `<Name>${Name}</Name><Enabled>${Enabled}</Enabled><TlsPolicy>${TlsPolicy}</TlsPolicy>`
  const scan = `<ScanEnabled>${ScanEnabled}</ScanEnabled>`
  return `<member>${head}${scan}<Recipients>${recipients}</Recipients><Actions><member>${action}</member></Actions></member>`
}
