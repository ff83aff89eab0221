import { createHash } from 'node:crypto'
import type { SesError } from './ses-rules.ts'

/** A domain identity of SES v2. */
type SesIdentity = {
  readonly name: string
  readonly tokens: readonly string[]
  readonly tags: readonly { readonly Key: string; readonly Value: string }[]
  mailFrom: string | undefined
}
export type IdentitiesState = {
  readonly identities: Map<string, SesIdentity>
  /** Names of the DNS records that the owner has published. */
  readonly published: Set<string>
  /** Domains whose DKIM failed; a new identity starts again. */
  readonly failed: Set<string>
  /** Pending errors, each for one call. */
  readonly identityFaults: SesError[]
}
type Call = { readonly method: string; readonly path: string; readonly body: string }
type SesAnswer = { readonly json: object } | { readonly error: SesError }

const PATH = /^\/v2\/email\/identities(?:\/(?<name>[^/]+)(?<mailFrom>\/mail-from)?)?$/
const DOMAIN = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]*$/
const MAX_IDENTITIES = 10_000

const bad = (message: string): SesAnswer => ({ error: { status: 400, type: 'BadRequestException', message } })
const unknown = (name: string): SesAnswer => ({
  error: { status: 404, type: 'NotFoundException', message: `Email identity ${name} does not exist.` },
})

/** Answers the four calls for identities with the refusals of SES; undefined for any other path. */
export function identitiesCall(state: IdentitiesState, { method, path, body }: Call): SesAnswer | undefined {
  const groups = PATH.exec(path)?.groups
  if (groups === undefined) return undefined
  const fault = state.identityFaults.shift()
  if (fault !== undefined) return { error: fault }
  if (groups.name === undefined) return method === 'POST' ? create(state, body) : bad(`${method} is not known`)
  const identity = state.identities.get(decodeURIComponent(groups.name))
  if (identity === undefined) return unknown(groups.name)
  if (groups.mailFrom !== undefined) return method === 'PUT' ? putMailFrom(identity, body) : bad('only PUT')
  if (method === 'GET') return { json: described(state, identity) }
  if (method !== 'DELETE') return bad(`${method} is not known`)
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
  const identity: SesIdentity = { name, tokens: tokensOf(name), tags: Tags, mailFrom: undefined }
  state.identities.set(name, identity)
  const { IdentityType, VerifiedForSendingStatus, DkimAttributes } = described(state, identity)
  return { json: { IdentityType, VerifiedForSendingStatus, DkimAttributes } }
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

function described(state: IdentitiesState, { name, tokens, tags, mailFrom }: SesIdentity) {
  const found = isVerified(state, name)
  const status = found ? 'SUCCESS' : state.failed.has(name) ? 'FAILED' : 'PENDING'
  return {
    IdentityType: 'DOMAIN',
    FeedbackForwardingStatus: true,
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
