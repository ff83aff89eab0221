/**
 * Tenants of SES v2, with the refusals of its documentation: a tenant sends with what is associated with it alone, and an
 * identity that is associated with one cannot be deleted.
 */
import type { SesError } from './ses-rules.ts'

export type TenantsState = {
  /** The ARNs that are associated with each tenant. */
  readonly tenants: Map<string, Set<string>>
  readonly identities: ReadonlyMap<string, unknown>
  readonly configurationSets: ReadonlySet<string>
}
type Call = { readonly method: string; readonly path: string; readonly body: string }
type SesAnswer = { readonly json: object } | { readonly error: SesError }
type TenantRequest = {
  readonly TenantName?: string
  readonly ResourceArn?: string
  readonly Filter?: { readonly TENANT_NAME_CONTAINS?: string }
  readonly NextToken?: string
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/
const ARN = /^arn:aws:ses:[a-z0-9-]+:\d{12}:(?<kind>identity|configuration-set)\/(?<name>.+)$/
const PAGE = 2

const refused = (type: string, message: string, status = 400): SesAnswer => ({ error: { status, type, message } })
const noTenant = (name: string) => refused('NotFoundException', `Tenant ${name} not found.`, 404)

type Handler = (state: TenantsState, request: TenantRequest) => SesAnswer

const HANDLERS: Readonly<Record<string, Handler>> = {
  '/v2/email/tenants': ({ tenants }, { TenantName: name = '' }) => {
    if (!NAME.test(name)) return refused('BadRequestException', `Invalid tenant name ${name}`)
    if (tenants.has(name)) return refused('AlreadyExistsException', `Tenant ${name} already exists`)
    tenants.set(name, new Set())
    return { json: { TenantName: name, SendingStatus: 'ENABLED' } }
  },
  '/v2/email/tenants/delete': ({ tenants }, { TenantName: name = '' }) =>
    tenants.delete(name) ? { json: {} } : noTenant(name),
  '/v2/email/tenants/list': ({ tenants }, { Filter, NextToken }) => {
    const names = [...tenants.keys()].filter((name) => name.includes(Filter?.TENANT_NAME_CONTAINS ?? ''))
    return paged('Tenants', names, NextToken)
  },
  '/v2/email/tenants/resources': (state, { TenantName: name = '', ResourceArn: arn = '' }) => {
    const resources = state.tenants.get(name)
    if (resources === undefined) return noTenant(name)
    const { kind, name: resource = '' } = ARN.exec(arn)?.groups ?? {}
    if (kind === undefined) return refused('BadRequestException', `Invalid ARN ${arn}`)
    const isThere = kind === 'identity' ? state.identities.has(resource) : state.configurationSets.has(resource)
    if (!isThere) return refused('NotFoundException', `${kind} <${resource}> does not exist.`, 404)
    if (resources.has(arn)) return refused('AlreadyExistsException', 'The resource is associated already')
    resources.add(arn)
    return { json: {} }
  },
  '/v2/email/tenants/resources/delete': ({ tenants }, { TenantName: name = '', ResourceArn: arn = '' }) => {
    if (!tenants.has(name)) return noTenant(name)
    return tenants.get(name)?.delete(arn) ? { json: {} } : refused('NotFoundException', 'No such association', 404)
  },
  '/v2/email/resources/tenants/list': ({ tenants }, { ResourceArn: arn = '', NextToken }) => {
    const names = [...tenants].flatMap(([name, resources]) => (resources.has(arn) ? [name] : []))
    return paged('ResourceTenants', names, NextToken)
  },
}

/** Pages are short, so that a caller who reads only the first is found out. */
function paged(list: string, names: readonly string[], token = '0'): SesAnswer {
  const [from, to] = [Number(token), Number(token) + PAGE]
  const page = names.slice(from, to).map((TenantName) => ({ TenantName }))
  return { json: { [list]: page, ...(to < names.length && { NextToken: String(to) }) } }
}

/** Answers the calls for tenants; undefined for any other path. */
export function tenantsCall(state: TenantsState, { method, path, body }: Call): SesAnswer | undefined {
  const handler = method === 'POST' ? HANDLERS[path] : undefined
  return handler?.(state, JSON.parse(body) as TenantRequest)
}

/** The refusal of a send by a tenant that is not there, or that not all of what the send names is associated with. */
export function tenantRefusal(
  { tenants }: TenantsState,
  tenant: string | undefined,
  sendsWith: { readonly identity: string; readonly configurationSet: string | undefined },
): SesError | undefined {
  if (tenant === undefined) return undefined
  const resources = tenants.get(tenant)
  if (resources === undefined) {
    return { status: 404, type: 'NotFoundException', message: `Tenant ${tenant} not found.` }
  }
  const names = [...resources].map((arn) => arn.slice(arn.lastIndexOf(':') + 1))
  const { identity, configurationSet } = sendsWith
  const needed = [`identity/${identity}`, ...(configurationSet ? [`configuration-set/${configurationSet}`] : [])]
  const missing = needed.filter((one) => !names.includes(one))
  if (missing.length === 0) return undefined
  const message = `Tenant not associated with resources [${missing.join(', ')}].`
  return { status: 403, type: 'AccessDeniedException', message }
}

/** The refusal to delete an identity that a tenant sends with. */
export function associatedRefusal({ tenants }: Pick<TenantsState, 'tenants'>, identity: string): SesAnswer | undefined {
  const isAssociated = [...tenants.values()].some((arns) =>
    [...arns].some((arn) => arn.endsWith(`:identity/${identity}`)),
  )
  return isAssociated ? refused('BadRequestException', `Identity ${identity} is associated with a tenant`) : undefined
}
