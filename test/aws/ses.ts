import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { SESv2Client } from '@aws-sdk/client-sesv2'
import { sesClient } from '@kabutar/aws/ses/client.ts'
import type { Count } from '../cost/tally.ts'
import { bodyOf, serve, standIn } from './servers.ts'
import { type IdentitiesState, identitiesCall, isVerified } from './ses-identities.ts'
import { headersOf, identityOf, recipientsOf, type SendEmailRequest, type SesError, sendRefusal } from './ses-rules.ts'
import { type TenantsState, tenantRefusal, tenantsCall } from './ses-tenants.ts'
import type { Usage } from './usage.ts'

export type SentMail = {
  readonly id: string
  /** The bytes that were sent. */
  readonly raw: Buffer
  readonly recipients: readonly string[]
  readonly tags: Readonly<Record<string, string>>
  readonly configurationSet: string | undefined
  readonly tenant: string | undefined
}
/** A fault of the next SendEmail. The last two accept the mail and lose the answer. */
export type SesFault =
  | 'rate'
  | 'quota'
  | 'limit exceeded'
  | 'too many requests'
  | 'rejected'
  | 'mail from not verified'
  | 'paused'
  | 'suspended'
  | 'forbidden'
  | '500 after acceptance'
  | 'dropped after acceptance'

export type Ses = IdentitiesState &
  Pick<TenantsState, 'tenants'> & {
    readonly endpoint: string
    readonly client: SESv2Client
    /** Verified addresses and domains, in lower case. */
    readonly verified: Set<string>
    readonly configurationSets: Set<string>
    readonly sent: SentMail[]
    /** Pending faults, each for one SendEmail. */
    readonly faults: SesFault[]
    /** Faults that some mail always meets. */
    readonly rules: ((mail: Pick<SentMail, 'recipients'>) => SesFault | undefined)[]
    /** `answeredAt`: SES answers GetAccount once a second. */
    readonly account: { maxSendRate: number; requests: number; fails: boolean; answeredAt: number }
    close(): void
  }

const FAULTS: Readonly<Record<Exclude<SesFault, `${string}acceptance`>, SesError>> = {
  rate: { status: 400, type: 'ThrottlingException', message: 'Maximum sending rate exceeded.' },
  quota: { status: 400, type: 'ThrottlingException', message: 'Daily message quota exceeded.' },
  'limit exceeded': { status: 400, type: 'LimitExceededException', message: 'A limit of the account is exceeded' },
  'too many requests': { status: 429, type: 'TooManyRequestsException', message: 'Too many requests' },
  rejected: { status: 400, type: 'MessageRejected', message: 'Sending of this message is not allowed' },
  'mail from not verified': {
    status: 400,
    type: 'MailFromDomainNotVerifiedException',
    message: 'The MAIL FROM domain is not verified',
  },
  paused: { status: 400, type: 'SendingPausedException', message: 'Email sending is disabled' },
  suspended: { status: 400, type: 'AccountSuspendedException', message: 'The account is suspended' },
  forbidden: { status: 403, type: 'AccessDeniedException', message: 'not authorized to perform ses:SendEmail' },
}

/** Starts a stand-in for the calls of SES v2 that we make, with its refusals and faults on demand. `deliver` gets accepted mail. */
export async function startSes(deliver: (mail: SentMail) => void = () => undefined, usage?: Usage): Promise<Ses> {
  const state = {
    verified: new Set(['kabutar.test']),
    configurationSets: new Set(['kabutar']),
    sent: [] as SentMail[],
    faults: [] as SesFault[],
    rules: [] as Ses['rules'],
    account: { maxSendRate: 1000, requests: 0, fails: false, answeredAt: Number.NEGATIVE_INFINITY },
    identities: new Map(),
    tenants: new Map<string, Set<string>>(),
    published: new Set<string>(),
    failed: new Set<string>(),
    identityFaults: [],
  }
  const { endpoint, close } = await serve(async (request, response) => {
    const body = await bodyOf(request)
    const caller = usage?.caller(request)
    const count: Count = (name, amount) => caller && usage?.by(caller)(name, amount)
    if (request.method === 'POST' && request.url === '/v2/email/outbound-emails') {
      return sendEmail(state, body, response, (mail) => {
        count('sesOutbound', mail.recipients.length)
        deliver(mail)
      })
    }
    count('sesCalls', 1)
    if (request.method === 'GET' && request.url === '/v2/email/account') return getAccount(state, response)
    const call = { method: request.method ?? '', path: request.url ?? '', body: body.toString() }
    const answered = tenantsCall(state, call) ?? identitiesCall(state, call)
    if (answered) return 'error' in answered ? refuse(response, answered.error) : answer(response, answered.json)
    refuse(response, { status: 404, type: 'NotFoundException', message: `${request.method} ${request.url}` })
  })
  const client = sesClient(standIn(endpoint))
  const stop = () => {
    client.destroy()
    close()
  }
  return { ...state, endpoint, client, close: stop }
}

type State = IdentitiesState &
  TenantsState &
  Pick<Ses, 'verified' | 'configurationSets' | 'sent' | 'faults' | 'rules' | 'account'>

function sendEmail(
  state: State,
  body: Buffer,
  response: ServerResponse,
  deliver: (mail: SentMail) => void,
): ServerResponse {
  const request = JSON.parse(body.toString()) as SendEmailRequest
  const raw = Buffer.from(request.Content?.Raw?.Data ?? '', 'base64')
  const fault = state.faults.shift() ?? ruledFault(state, request, raw)
  if (fault !== undefined && fault in FAULTS) return refuse(response, FAULTS[fault as keyof typeof FAULTS])
  const identities = [...state.identities.keys()].filter((name) => isVerified(state, name))
  const verified = new Set([...state.verified, ...identities])
  const sendsWith = { identity: identityOf(verified, request, raw), configurationSet: request.ConfigurationSetName }
  const error = sendRefusal({ ...state, verified }, request, raw) ?? tenantRefusal(state, request.TenantName, sendsWith)
  if (error) return refuse(response, error)
  // An id as long as SES's.
  const id = `0100${String(state.sent.length + 1).padStart(12, '0')}-${randomUUID()}-000000`
  const mail = mailOf(id, raw, request)
  state.sent.push(mail)
  deliver(mail)
  if (fault === 'dropped after acceptance') {
    return response.destroy()
  }
  if (fault === '500 after acceptance') {
    return refuse(response, { status: 500, type: 'InternalServiceErrorException', message: 'try later' })
  }
  return answer(response, { MessageId: id })
}

function ruledFault({ rules }: State, request: SendEmailRequest, raw: Buffer): SesFault | undefined {
  if (rules.length === 0) return undefined
  const recipients = recipientsOf(request, headersOf(raw))
  return rules.map((rule) => rule({ recipients })).find((fault) => fault !== undefined)
}

function mailOf(id: string, raw: Buffer, request: SendEmailRequest): SentMail {
  const tags = Object.fromEntries((request.EmailTags ?? []).map(({ Name = '', Value = '' }) => [Name, Value]))
  const recipients = recipientsOf(request, headersOf(raw))
  return { id, raw, recipients, tags, configurationSet: request.ConfigurationSetName, tenant: request.TenantName }
}

function getAccount({ account }: State, response: ServerResponse): ServerResponse {
  account.requests++
  const now = performance.now()
  if (now - account.answeredAt < 1000) return refuse(response, FAULTS['too many requests'])
  account.answeredAt = now
  if (account.fails) return refuse(response, { status: 400, type: 'BadRequestException', message: 'no' })
  return answer(response, {
    ProductionAccessEnabled: true,
    SendingEnabled: true,
    SendQuota: { Max24HourSend: 50_000, MaxSendRate: account.maxSendRate, SentLast24Hours: 0 },
  })
}

function answer(response: ServerResponse, json: object): ServerResponse {
  return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(json))
}

function refuse(response: ServerResponse, { status, type, message }: SesError): ServerResponse {
  response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': type })
  return response.end(JSON.stringify({ message }))
}
