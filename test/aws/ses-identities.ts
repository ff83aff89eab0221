import { createHash } from 'node:crypto'
import type { SesError } from './ses-rules.ts'
import { associatedRefusal, type TenantsState } from './ses-tenants.ts'

/** A domain identity of SES v2. */
type SesIdentity = {
  readonly name: string
  readonly tokens: readonly string[]
  tags: readonly { readonly Key: string; readonly Value: string }[]
  mailFrom: string | undefined
  /** SES mails bounces to the From address until it is told not to. */
  forwardsFeedback: boolean
}
export type IdentitiesState = {
  readonly identities: Map<string, SesIdentity>
  /** Names of the DNS records that the owner has published. */
  readonly published: Set<string>
  /** Domains whose DKIM failed; a new identity starts again. */
  readonly failed: Set<string>
  readonly tenants: TenantsState['tenants']
  /** Pending errors, each for one call. */
  readonly identityFaults: SesError[]
}
type Call = { readonly method: string; readonly path: string; readonly body: string }
type SesAnswer = { readonly json: object } | { readonly error: SesError }

const PATH = /^\/v2\/email\/identities(?:\/(?<name>[^/]+)(?<part>\/mail-from|\/feedback)?)?$/
const TAGS = /^\/v2\/email\/tags(?:\?(?<query>.*))?$/
const DOMAIN = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]*$/
const MAX_IDENTITIES = 10_000

const bad = (message: string): SesAnswer => ({ error: { status: 400, type: 'BadRequestException', message } })
const unknown = (name: string): SesAnswer => ({
  error: { status: 404, type: 'NotFoundException', message: `Email identity ${name} does not exist.` },
})

/** Answers the calls for identities and their tags with the refusals of SES; undefined for any other path. */
export function identitiesCall(state: IdentitiesState, { method, path, body }: Call): SesAnswer | undefined {
  const tagged = TAGS.exec(path)
  if (tagged) return method === 'POST' ? tag(state, body) : untag(state, new URLSearchParams(tagged.groups?.query))
  const groups = PATH.exec(path)?.groups
  if (groups === undefined) return undefined
  const fault = state.identityFaults.shift()
  if (fault !== undefined) return { error: fault }
  if (groups.name === undefined) return method === 'POST' ? create(state, body) : bad(`${method} is not known`)
  const identity = state.identities.get(decodeURIComponent(groups.name))
  if (identity === undefined) return unknown(groups.name)
  if (groups.part !== undefined && method !== 'PUT') return bad('only PUT')
  if (groups.part === '/mail-from') return putMailFrom(identity, body)
  if (groups.part === '/feedback') return putFeedback(identity, body)
  if (method === 'GET') return { json: described(state, identity) }
  if (method !== 'DELETE') return bad(`${method} is not known`)
  const associated = associatedRefusal(state, identity.name)
  if (associated !== undefined) return associated
  state.identities.delete(identity.name)
  state.failed.delete(identity.name)
  return { json: {} }
}

type CreateRequest = {
  readonly EmailIdentity?: string
  readonly DkimSigningAttributes?: { readonly NextSigningKeyLength?: string }
  readonly Tags?: SesIdentity['tags']
}

function create(state: IdentitiesState, body: string): SesAnswer {
  const { EmailIdentity: name = '', DkimSigningAttributes, Tags = [] } = JSON.parse(body) as CreateRequest
  if (!DOMAIN.test(name)) return bad(`Invalid identity ${name}`)
  const length = DkimSigningAttributes?.NextSigningKeyLength
  if (length !== undefined && !/^RSA_(1024|2048)_BIT$/.test(length)) return bad('Invalid key length')
  if (Tags.length > 50 || Tags.some(({ Key, Value }) => !/^(?!aws:)[\w .:/=+@-]{1,128}$/.test(Key) || !isValue(Value)))
    return bad('Invalid tag')
  if (state.identities.has(name)) {
    return { error: { status: 400, type: 'AlreadyExistsException', message: `Email identity ${name} already exist.` } }
  }
  if (state.identities.size >= MAX_IDENTITIES)
    return { error: { status: 400, type: 'LimitExceededException', message: 'too many' } }
  const identity: SesIdentity = {
    name,
    tokens: tokensOf(name),
    tags: Tags,
    mailFrom: undefined,
    forwardsFeedback: true,
  }
  state.identities.set(name, identity)
  const { IdentityType, VerifiedForSendingStatus, DkimAttributes } = described(state, identity)
  return { json: { IdentityType, VerifiedForSendingStatus, DkimAttributes } }
}

const ARN = /^arn:aws:ses:[a-z0-9-]+:\d{12}:identity\/(?<name>.+)$/

function tag(state: IdentitiesState, body: string): SesAnswer {
  const { ResourceArn = '', Tags = [] } = JSON.parse(body) as { ResourceArn?: string; Tags?: SesIdentity['tags'] }
  const name = ARN.exec(ResourceArn)?.groups?.name
  if (name === undefined) return bad(`Invalid ARN ${ResourceArn}`)
  const identity = state.identities.get(name)
  if (identity === undefined) return unknown(name)
  const kept = identity.tags.filter(({ Key }) => Tags.every((one) => one.Key !== Key))
  identity.tags = [...kept, ...Tags]
  return { json: {} }
}

function untag(state: IdentitiesState, query: URLSearchParams): SesAnswer {
  const name = ARN.exec(query.get('ResourceArn') ?? '')?.groups?.name
  if (name === undefined) return bad('Invalid ARN')
  const identity = state.identities.get(name)
  if (identity === undefined) return unknown(name)
  const keys = query.getAll('TagKeys')
  identity.tags = identity.tags.filter(({ Key }) => !keys.includes(Key))
  return { json: {} }
}

function putFeedback(identity: SesIdentity, body: string): SesAnswer {
  const { EmailForwardingEnabled = false } = JSON.parse(body) as { readonly EmailForwardingEnabled?: boolean }
  identity.forwardsFeedback = EmailForwardingEnabled
  return { json: {} }
}

const isValue = (value: string) => /^[\w .:/=+@-]{0,256}$/.test(value)

function putMailFrom(identity: SesIdentity, body: string): SesAnswer {
  const { MailFromDomain = '', BehaviorOnMxFailure = 'USE_DEFAULT_VALUE' } = JSON.parse(body) as {
    readonly MailFromDomain?: string
    readonly BehaviorOnMxFailure?: string
  }
  if (MailFromDomain !== '' && !MailFromDomain.endsWith(`.${identity.name}`)) {
    return bad(`Provided MAIL-FROM domain <${MailFromDomain}> is not subdomain of the domain of the identity`)
  }
  if (!/^(USE_DEFAULT_VALUE|REJECT_MESSAGE)$/.test(BehaviorOnMxFailure)) return bad('Invalid behaviour')
  identity.mailFrom = MailFromDomain === '' ? undefined : MailFromDomain
  return { json: {} }
}

/** Makes the DKIM tokens, which are the same each time for a domain of an account. */
function tokensOf(name: string): readonly string[] {
  return [0, 1, 2].map((n) => createHash('sha256').update(`${n} ${name}`).digest('hex').slice(0, 32))
}

/** True if the owner has published the DKIM records. */
export function isVerified({ identities, published, failed }: IdentitiesState, name: string): boolean {
  if (failed.has(name)) return false
  const tokens = identities.get(name)?.tokens ?? ['none']
  return tokens.every((token) => published.has(`${token}._domainkey.${name}`))
}

function described(state: IdentitiesState, { name, tokens, tags, mailFrom, forwardsFeedback }: SesIdentity) {
  const found = isVerified(state, name)
  const status = found ? 'SUCCESS' : state.failed.has(name) ? 'FAILED' : 'PENDING'
  return {
    IdentityType: 'DOMAIN',
    FeedbackForwardingStatus: forwardsFeedback,
    VerifiedForSendingStatus: found,
    VerificationStatus: status,
    DkimAttributes: {
      SigningEnabled: true,
      Status: status,
      Tokens: tokens,
      SigningAttributesOrigin: 'AWS_SES',
      NextSigningKeyLength: 'RSA_2048_BIT',
    },
    Tags: tags,
    ...(mailFrom !== undefined && {
      MailFromAttributes: {
        MailFromDomain: mailFrom,
        MailFromDomainStatus: state.published.has(mailFrom) ? 'SUCCESS' : 'PENDING',
        BehaviorOnMxFailure: 'USE_DEFAULT_VALUE',
      },
    }),
  }
}
