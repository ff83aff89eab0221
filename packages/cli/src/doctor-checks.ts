import type { GetAccountResponse, GetEmailIdentityResponse } from '@aws-sdk/client-sesv2'

/** The result of one check; `fix` says in one line how to mend it. */
export type Finding = { readonly ok: boolean; readonly what: string; readonly fix?: string }

const PLANS: Readonly<Record<string, string>> = { NONE: 'à la carte, $0.10', ESSENTIALS: 'Essentials, $0.16' }

/** Checks the sandbox, sending, quota and plan of the account, and whether its region receives mail. */
export function accountFindings(account: GetAccountResponse, region: string, receives: boolean): readonly Finding[] {
  const { ProductionAccessEnabled, SendingEnabled, SendQuota, PricingAttributes } = account
  const { Max24HourSend = 0, MaxSendRate = 0, SentLast24Hours = 0 } = SendQuota ?? {}
  const plan = PricingAttributes?.CurrentPlan
  return [
    found(
      ProductionAccessEnabled === true,
      'SES is out of the sandbox',
      'ask for it: SES console, Account dashboard, Request production access',
    ),
    found(SendingEnabled === true, 'SES may send', 'see the SES console: sending is paused, by AWS or by you'),
    found(
      Max24HourSend < 0 || SentLast24Hours < 0.8 * Max24HourSend,
      `SES quota: ${SentLast24Hours} of ${Max24HourSend} recipients in 24 h, ${MaxSendRate} a second`,
      'ask for more: Service Quotas, Amazon SES, Sending quota',
    ),
    found(
      receives,
      `region ${region} receives mail`,
      'deploy to one whose inbound-smtp.<region>.amazonaws.com exists in the DNS, or set `receiving: false`',
    ),
    found(
      plan === undefined || plan === 'NONE',
      `SES pricing plan: ${PLANS[plan ?? ''] ?? plan ?? 'unknown'} per 1,000`,
      '$0.06 less per 1,000: aws sesv2 put-account-pricing-attributes --plan NONE',
    ),
  ]
}

export type DomainRecords = {
  readonly mx: readonly string[]
  /** The TXT records of the MAIL FROM domain, if there is one. */
  readonly mailFrom: readonly string[]
  readonly dmarc: readonly string[]
}

/** Checks one domain, in SES and in the DNS. */
export function domainFindings(
  domain: string,
  region: string,
  identity: GetEmailIdentityResponse | undefined,
  records: DomainRecords,
): readonly Finding[] {
  const tokens = identity?.DkimAttributes?.Tokens ?? []
  const cnames = tokens.map((token) => `${token}._domainkey.${domain} CNAME ${token}.dkim.amazonses.com`)
  const { MailFromDomain, MailFromDomainStatus } = identity?.MailFromAttributes ?? {}
  const inbound = `inbound-smtp.${region}.amazonaws.com`
  return [
    found(identity !== undefined, `SES knows ${domain}`, `add it: POST /domains {"name":"${domain}"}`),
    found(
      identity?.DkimAttributes?.Status === 'SUCCESS',
      'DKIM is verified',
      `publish ${cnames.join('; ') || 'the CNAMEs that SES shows'}`,
    ),
    found(
      MailFromDomain === undefined || MailFromDomainStatus === 'SUCCESS',
      `MAIL FROM: ${MailFromDomain ?? "SES's own"}`,
      `publish ${MailFromDomain} MX 10 feedback-smtp.${region}.amazonses.com`,
    ),
    found(
      MailFromDomain === undefined || records.mailFrom.some((text) => /^v=spf1 .*include:amazonses\.com/.test(text)),
      'SPF names SES',
      `publish ${MailFromDomain} TXT "v=spf1 include:amazonses.com ~all"`,
    ),
    found(
      records.dmarc.some((text) => text.startsWith('v=DMARC1')),
      'DMARC has a policy',
      `publish _dmarc.${domain} TXT "v=DMARC1; p=none; rua=mailto:postmaster@${domain}"`,
    ),
    found(records.mx.includes(inbound), 'MX leads to SES', `to receive, publish ${domain} MX 10 ${inbound}`),
  ]
}

/** A rule of the active set. */
export type ActiveRule = {
  readonly name: string
  readonly recipients: readonly string[]
  readonly bucket: string
  readonly topic: string
}

/**
 * Checks that a receipt rule of the stage is active, or that of one domain, and that each writes to a bucket of the stage
 * and to its topic: one that is left of a removed stage writes to a bucket that anybody may own.
 */
export function ruleFindings(
  stage: string,
  active: readonly ActiveRule[],
  buckets: readonly string[],
  domain?: string,
): readonly Finding[] {
  const ours = active.filter(({ name }) => name.startsWith(`kabutar-${stage}.`))
  const there = domain === undefined ? ours.length > 0 : ours.some(({ recipients }) => recipients.includes(domain))
  const what = domain === undefined ? 'a receipt rule is active' : `the receipt rule of ${domain} is active`
  const strays = ours.filter(
    ({ bucket, topic }) => !buckets.includes(bucket) || !topic.endsWith(`:kabutar-${stage}-Inbound`),
  )
  return [
    found(
      there,
      what,
      `switch its receiving on, with PATCH /domains/:id; for the active rule set: aws ses describe-active-receipt-rule-set`,
    ),
    ...strays.map(({ name, bucket, topic }) =>
      found(
        false,
        `the receipt rule ${name} writes to the bucket ${bucket} and to ${topic}, which are not of stage ${stage}`,
        'switch the receiving of a domain off and on, with PATCH /domains/:id; of a removed stage: npm run teardown',
      ),
    ),
  ]
}

export function found(ok: boolean, what: string, fix: string): Finding {
  return ok ? { ok, what } : { ok, what, fix }
}
