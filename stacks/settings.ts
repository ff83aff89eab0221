/**
 * The settings of a deployment, which sst.config.ts chooses, and their defaults, which suit a new AWS account: 10 functions
 * at a time, and SES's sandbox. `npm run doctor` prints what the quotas of an account allow.
 */
type Memory = `${number} MB`
type LogRetention = '1 week' | '2 weeks' | '1 month' | '3 months' | '6 months' | '1 year' | 'forever'

export type Settings = {
  /**
   * Stages that keep their data: table and bucket stay when the stage is removed, the table cannot be deleted, and
   * `sst remove` refuses. Take a stage out of the list and deploy it before you remove it with its data.
   */
  readonly keep: readonly string[]
  /** @default the variable AWS_REGION */
  readonly region?: string
  /**
   * Host name of the API. SST makes its certificate and records in a hosted zone of Route 53 in this account; name the
   * ARN of a certificate of yours where the DNS is elsewhere.
   * @default the name that API Gateway gives it
   */
  readonly domain?: string | { readonly name: string; readonly cert: string }
  /** Address that gets the alarms. @default nobody */
  readonly operator?: string
  /** Stages with alarms for the reputation of the SES account: one of all that share an account. @default `keep` */
  readonly sesAlarms?: readonly string[]
  /** Deploys the console: a page behind CloudFront, which has one origin with the API. @default false */
  readonly console?: boolean
  /** False for a stage that only sends, such as one in a region where SES does not receive. @default true */
  readonly receiving?: boolean
  /** Keeps deleted and overwritten data for 35 days: restores of the table, versions in the bucket. @default true */
  readonly backups?: boolean
  /** Days after which content and events are deleted, of accounts that have no retention of their own. @default never */
  readonly retention?: { readonly contentDays?: number; readonly eventDays?: number }
  /** Invocations of each worker at a time, at least 2. Their sum must stay below the quota of the account. */
  readonly concurrency?: Partial<typeof CONCURRENCY>
  readonly memory?: Partial<typeof MEMORY>
  readonly logRetention?: LogRetention
  /** Requests a second, and how many at once, beyond which the gateway answers 429. */
  readonly throttle?: Partial<typeof THROTTLE>
  /** Share of the account's send rate that this stage takes, above 0 and at most 1. Stages of one account share it. */
  readonly sesRateShare?: number
  /** Makes a tenant of SES for each account, which SES counts and stops by itself. @default false */
  readonly tenants?: boolean
  /** Further tags of every resource. */
  readonly tags?: Readonly<Record<string, string>>
  /**
   * ARN of a key of KMS that encrypts table, bucket and queues. Its policy has to admit the services that write there:
   * see docs/deploy.md. @default keys of AWS, without cost
   */
  readonly kmsKey?: string
  /** Units a second that the table is ready for. AWS charges once for what is above 4,000 writes and 12,000 reads. */
  readonly warmThroughput?: { readonly reads: number; readonly writes: number }
}

/** The least that an event source mapping may have. Together 8 of the 10 of a new account; the rest is the API's and the sweep's. */
const CONCURRENCY = { send: 2, feedback: 2, receive: 2, webhooks: 2 }

type FunctionName = 'api' | 'domains' | 'send' | 'feedback' | 'receive' | 'webhooks' | 'sweep' | 'teardown'

const MEMORY: Readonly<Record<FunctionName, Memory>> = {
  api: '512 MB',
  domains: '512 MB',
  // A message of 40 MB is composed in memory, and so is its request.
  send: '512 MB',
  feedback: '256 MB',
  // Up to 80 MB of messages are in memory, and parsing is the most work of any function.
  receive: '512 MB',
  webhooks: '256 MB',
  // Enough CPU to reconcile 1,000 objects a second. An idle run costs no more with it, because it takes less time.
  sweep: '1024 MB',
  teardown: '256 MB',
}

const THROTTLE = { perSecond: 500, burst: 1000 }

function kmsKeyOf(arn: string | undefined): string | undefined {
  if (arn === undefined || /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[\w-]+$/.test(arn)) return arn
  throw new Error('kmsKey: must be the ARN of a key, such as arn:aws:kms:eu-central-1:123456789012:key/…')
}

/** As the variable KABUTAR_RETENTION has it: the functions read it with the code that reads it on a server. */
function retentionOf({ contentDays, eventDays }: NonNullable<Settings['retention']> = {}): string {
  const limits = [
    ['contentDays', contentDays, 1],
    ['eventDays', eventDays, 30],
  ] as const
  for (const [name, days, least] of limits) {
    if (days !== undefined && !(Number.isInteger(days) && days >= least && days <= 3650)) {
      throw new Error(`retention.${name}: must be a whole number from ${least} to 3650`)
    }
  }
  const parts = [contentDays && `content=${contentDays}`, eventDays && `events=${eventDays}`].filter(Boolean)
  return parts.length === 0 ? 'off' : parts.join()
}

export type Settled = ReturnType<typeof settled>

/** Fills in the defaults. @throws {Error} naming a setting that cannot be */
export function settled(settings: Settings) {
  const concurrency = { ...CONCURRENCY, ...settings.concurrency }
  for (const [worker, most] of Object.entries(concurrency)) {
    if (!Number.isInteger(most) || most < 2) throw new Error(`concurrency.${worker}: must be a whole number from 2`)
  }
  const { sesRateShare = 1 } = settings
  if (!(sesRateShare > 0 && sesRateShare <= 1)) throw new Error('sesRateShare: must be above 0 and at most 1')
  return {
    domain: settings.domain,
    operator: settings.operator,
    sesAlarms: settings.sesAlarms ?? settings.keep,
    console: settings.console ?? false,
    receiving: settings.receiving ?? true,
    backups: settings.backups ?? true,
    retention: retentionOf(settings.retention),
    concurrency,
    memory: { ...MEMORY, ...settings.memory },
    logRetention: settings.logRetention ?? '1 month',
    throttle: { ...THROTTLE, ...settings.throttle },
    sesRateShare,
    tenants: settings.tenants ?? false,
    kmsKey: kmsKeyOf(settings.kmsKey),
    warmThroughput: settings.warmThroughput,
  }
}
