/**
 * Compares the observed calls of a function with the statements of its role, by action and resource: AWS refuses other
 * calls, and no stand-in does. Not observed are requests with a signed link, and `ListBucket`, which changes only an answer.
 */
import { existsSync, readFileSync } from 'node:fs'
import { asList, type Statement } from '../infra/declared.ts'
import type { AwsCall } from './observe.ts'

/** An action, and a pattern for the ARN of its resource; of an object its own ARN, which a grant may match by wildcards. */
type Needed = { readonly action: string; readonly on: RegExp | string }

const TABLE = /:table\/[^/]+$/
const INDEX = /:table\/[^/]+\/index\/gs1$/
const ANY = /./

function neededBy(file: string): readonly Needed[] {
  const calls = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
  return calls.flatMap((line) => neededFor(JSON.parse(line) as AwsCall))
}

/** Lists the actions that were called, each once, sorted. */
export function usedActions(file: string): readonly string[] {
  return [...new Set(neededBy(file).map(({ action }) => action))].toSorted()
}

/** Lists the calls that the role does not grant, each once. */
export function notGranted(file: string, statements: readonly Statement[]): readonly string[] {
  const needed = neededBy(file)
  const missing = needed.filter((one) => !statements.some((statement) => grants(statement, one)))
  return [
    ...new Set(missing.map(({ action, on }) => `${action} on ${typeof on === 'string' ? on : on.source}`)),
  ].toSorted()
}

function grants({ Effect, Action, Resource }: Statement, { action, on }: Needed): boolean {
  const there = asList(Resource).some(
    (arn) => arn === '*' || (typeof on === 'string' ? matches(arn, on) : on.test(arn)),
  )
  return Effect === 'Allow' && there && asList(Action).includes(action)
}

/** IAM's wildcards: `*` is any text, `?` any character. */
function matches(pattern: string, arn: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(arn)
}

function neededFor(call: AwsCall): readonly Needed[] {
  const [service = '', name = ''] = call.target.split('.')
  if (service.startsWith('DynamoDB')) return dynamo(name, JSON.parse(call.body))
  if (service === 'AmazonSQS') return sqs(name, JSON.parse(call.body))
  if (call.path.startsWith('/v2/email/')) return ses(call)
  const form = new URLSearchParams(call.body)
  if (form.has('Action')) return [{ action: `ses:${form.get('Action')}`, on: ANY }]
  return s3(call)
}

type Transacted = { readonly TransactItems?: readonly object[]; readonly IndexName?: string }

function dynamo(name: string, { TransactItems = [], IndexName }: Transacted): readonly Needed[] {
  if (name !== 'TransactWriteItems')
    return [{ action: `dynamodb:${name}`, on: IndexName === undefined ? TABLE : INDEX }]
  const ACTIONS = { Put: 'PutItem', Update: 'UpdateItem', Delete: 'DeleteItem', ConditionCheck: 'ConditionCheckItem' }
  return TransactItems.flatMap((item) => Object.keys(item)).map((kind) => ({
    action: `dynamodb:${ACTIONS[kind as keyof typeof ACTIONS]}`,
    on: TABLE,
  }))
}

/** A queue's URL and its ARN both end in its name. */
function sqs(name: string, { QueueUrl }: { readonly QueueUrl: string }): readonly Needed[] {
  const queue = QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1)
  return [{ action: `sqs:${name.replace(/Batch$/, '')}`, on: new RegExp(`:${queue}$`) }]
}

const IDENTITIES: Readonly<Record<string, string>> = {
  'POST ': 'CreateEmailIdentity',
  'GET ': 'GetEmailIdentity',
  'DELETE ': 'DeleteEmailIdentity',
  'PUT mail-from': 'PutEmailIdentityMailFromAttributes',
  'PUT feedback': 'PutEmailIdentityFeedbackAttributes',
}

const TENANTS: Readonly<Record<string, string>> = {
  '/v2/email/tenants': 'CreateTenant',
  '/v2/email/tenants/delete': 'DeleteTenant',
  '/v2/email/tenants/list': 'ListTenants',
  '/v2/email/tenants/resources': 'CreateTenantResourceAssociation',
  '/v2/email/tenants/resources/delete': 'DeleteTenantResourceAssociation',
  '/v2/email/resources/tenants/list': 'ListResourceTenants',
}

function ses({ method, path }: AwsCall): readonly Needed[] {
  const on = ANY
  if (path === '/v2/email/account') return [{ action: 'ses:GetAccount', on }]
  if (path === '/v2/email/outbound-emails') {
    return ['identity', 'configuration-set'].flatMap((kind) =>
      ['ses:SendEmail', 'ses:SendRawEmail'].map((action) => ({ action, on: new RegExp(`:${kind}/`) })),
    )
  }
  if (path.startsWith('/v2/email/tags')) {
    return [{ action: method === 'POST' ? 'ses:TagResource' : 'ses:UntagResource', on: /:identity\// }]
  }
  const tenants = TENANTS[path]
  if (tenants !== undefined) return [{ action: `ses:${tenants}`, on }]
  const action = IDENTITIES[`${method} ${path.split('/')[5] ?? ''}`]
  return [{ action: `ses:${action ?? `unknown call ${method} ${path}`}`, on: /:identity\// }]
}

function s3({ method, path, body, copies }: AwsCall): readonly Needed[] {
  const [place = '', search = ''] = path.split('?')
  const query = new URLSearchParams(search)
  const actions: Readonly<Record<string, string>> = {
    GET: 'GetObject',
    HEAD: 'GetObject',
    PUT: 'PutObject',
    // Begins or completes a multipart upload, or deletes several objects.
    POST: query.has('delete') ? 'DeleteObject' : 'PutObject',
    DELETE: query.has('uploadId') ? 'AbortMultipartUpload' : 'DeleteObject',
  }
  const action = `s3:${actions[method] ?? method}`
  const bucket = place.split('/')[1] ?? ''
  const keys = query.has('delete')
    ? [...body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key)
    : [decodeURIComponent(place.slice(bucket.length + 2))]
  const objects = keys.map((key) => `arn:aws:s3:::${bucket}/${key}`)
  return [action, ...(copies ? ['s3:GetObject'] : [])].flatMap((one) => objects.map((on) => ({ action: one, on })))
}
