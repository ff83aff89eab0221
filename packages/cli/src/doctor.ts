/**
 * `npm run doctor -- [--domain example.com] [--stage production]` checks an AWS account and a domain, and prints for each
 * fault one line that says how to mend it. It changes nothing. It exits 0 if there is no fault, 1 if there is one, and 2
 * if it could not check.
 */
import { Resolver } from 'node:dns/promises'
import { DescribeActiveReceiptRuleSetCommand, SESClient } from '@aws-sdk/client-ses'
import { GetAccountCommand, GetEmailIdentityCommand, SESv2Client } from '@aws-sdk/client-sesv2'
import { s3Client } from '@kabutar/aws/s3/blobs.ts'
import { dnsRecords } from '@kabutar/local/dns.ts'
import { type Arguments, type Command, runCommand, UsageError } from '@kabutar/server/command-line.ts'
import { bucketsOf } from './aws-stage.ts'
import {
  type ActiveRule,
  accountFindings,
  type DomainRecords,
  domainFindings,
  type Finding,
  ruleFindings,
} from './doctor-checks.ts'
import { concurrencyFindings, concurrencyOf } from './doctor-concurrency.ts'

/** SES answers GetAccount once a second, and the workers of a stage ask too. */
const TRIES = 6

/** AWS or the DNS can't be asked. */
class NoAccess extends Error {}

const COMMAND: Command = {
  usage: ['npm run doctor -- [--domain example.com] [--stage production]'],
  does: 'Checks an AWS account and a domain, and prints for each fault one line that says how to mend it. It changes nothing. It exits 0 without a fault, 1 with one, and 2 if it could not check.',
  options: {
    domain: { meaning: 'a domain that sends or receives through SES' },
    stage: { meaning: 'the stage whose receipt rules are looked at', initial: 'production' },
  },
}

async function main({ options, words }: Arguments): Promise<number> {
  if (words.length > 0) throw new UsageError('doctor takes options only; --help lists them')
  const findings = await examine(options.stage ?? 'production', options.domain?.toLowerCase())
  for (const { ok, what, fix } of findings)
    console.log(`${ok ? 'ok  ' : 'FIX '} ${what}${fix ? `\n       ${fix}` : ''}`)
  return findings.every(({ ok }) => ok) ? 0 : 1
}

async function examine(stage: string, domain: string | undefined): Promise<readonly Finding[]> {
  const client = new SESv2Client({ maxAttempts: TRIES })
  const region = await regionOf(client)
  const account = await client.send(new GetAccountCommand({})).catch(explain)
  const receives = await receivesMail(region)
  const findings: Finding[] = [...accountFindings(account, region, receives)]
  const { quota, declared } = await concurrencyOf(stage, region).catch(explain)
  findings.push(...concurrencyFindings(quota, account.SendQuota?.MaxSendRate ?? 1, declared))
  if (domain !== undefined) {
    const identity = await client.send(new GetEmailIdentityCommand({ EmailIdentity: domain })).catch(missing)
    const mailFrom = identity?.MailFromAttributes?.MailFromDomain
    findings.push(...domainFindings(domain, region, identity, await recordsOf(domain, mailFrom)))
  }
  // Other regions do not know this call, and for them there is a finding already.
  if (receives) findings.push(...ruleFindings(stage, await activeRules(region), await buckets(stage), domain))
  return findings
}

/** True if SES receives mail in this region: its mail server then has a name, whatever the list of regions is today. */
async function receivesMail(region: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  if (process.env.KABUTAR_DNS) resolver.setServers([process.env.KABUTAR_DNS])
  try {
    await resolver.resolve4(`inbound-smtp.${region}.amazonaws.com`)
    return true
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    // ENODATA: the name exists with other records.
    if (code === 'ENODATA' || code === 'ENOTFOUND') return code === 'ENODATA'
    throw new NoAccess(`The DNS does not answer for the region ${region}: ${message}`)
  }
}

async function regionOf(client: SESv2Client): Promise<string> {
  try {
    return await client.config.region()
  } catch {
    throw new NoAccess('There is no AWS region: set AWS_REGION.')
  }
}

function explain(error: unknown): never {
  const { name, message } = error as Error
  if (name === 'CredentialsProviderError') {
    throw new NoAccess('There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.')
  }
  throw new NoAccess(`AWS answers with an error: ${name}: ${message}`)
}

function missing(error: unknown): undefined {
  if ((error as Error).name === 'NotFoundException') return undefined
  explain(error)
}

async function activeRules(region: string): Promise<readonly ActiveRule[]> {
  const answer = await new SESClient({ region }).send(new DescribeActiveReceiptRuleSetCommand({})).catch(explain)
  const enabled = (answer.Rules ?? []).filter((rule) => rule.Enabled)
  return enabled.map(({ Name = '', Recipients = [], Actions = [] }) => {
    const action = Actions.find(({ S3Action }) => S3Action !== undefined)?.S3Action
    return { name: Name, recipients: Recipients, bucket: action?.BucketName ?? '', topic: action?.TopicArn ?? '' }
  })
}

async function buckets(stage: string): Promise<readonly string[]> {
  const client = s3Client()
  try {
    return await bucketsOf(client, stage).catch(explain)
  } finally {
    client.destroy()
  }
}

/** Looks the records up. A missing record is a finding; a name server that does not answer is an error. */
async function recordsOf(domain: string, mailFrom: string | undefined): Promise<DomainRecords> {
  const records = dnsRecords(process.env.KABUTAR_DNS)
  try {
    const [mx, dmarc, spf] = await Promise.all([
      records.mx(domain),
      records.txt(`_dmarc.${domain}`),
      mailFrom === undefined ? [] : records.txt(mailFrom),
    ])
    return { mx: mx.map(({ exchange }) => exchange), dmarc, mailFrom: spf }
  } catch (error) {
    throw new NoAccess(`The DNS does not answer for ${domain}: ${(error as Error).message}`)
  }
}

await runCommand(COMMAND, main)
