import { isDeepStrictEqual } from 'node:util'

/** TransactWriteItems on a store with single writes only: runs them in turn, and restores the rows if one fails. */
export type WireAnswer = { readonly status: number; readonly body: string; readonly crc?: string }
export type Call = (target: string, body: string) => Promise<WireAnswer>

type Attributes = Record<string, unknown>
type Operation = {
  readonly TableName: string
  readonly Key?: Attributes
  readonly Item?: Attributes
  readonly ConditionExpression?: string
  readonly UpdateExpression?: string
}
type Kind = 'Put' | 'Update' | 'Delete' | 'ConditionCheck'
type Planned = {
  readonly kind: Kind
  readonly operation: Operation
  readonly key: Attributes
  readonly old?: Attributes
}
type Request = {
  readonly TransactItems?: readonly Partial<Record<Kind, Operation>>[]
  readonly ClientRequestToken?: string
}
type Reason = { readonly Code: string; readonly Message?: string }

const TARGET = { Put: 'PutItem', Update: 'UpdateItem', Delete: 'DeleteItem', ConditionCheck: 'UpdateItem' } as const
const MAX_ITEMS = 100
const MAX_TOKEN_LENGTH = 36

export function wireError(status: number, type: string, message: string, more: object = {}): WireAnswer {
  return { status, body: JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, message, ...more }) }
}

const invalid = (message: string) => wireError(400, 'ValidationException', message)

/** Keeps tokens as long as the stand-in runs. Only a transaction that was applied keeps its token. */
export function transactor() {
  const applied = new Map<string, unknown>()
  return async (call: Call, body: string): Promise<WireAnswer> => {
    const { TransactItems = [], ClientRequestToken: token } = JSON.parse(body) as Request
    if (TransactItems.length < 1 || TransactItems.length > MAX_ITEMS) return invalid('1 to 100 items')
    if (token !== undefined && token.length > MAX_TOKEN_LENGTH) return invalid('a token has at most 36 characters')
    if (token !== undefined && applied.has(token)) return repeated(applied.get(token), TransactItems)
    const answer = await run(call, TransactItems)
    if (answer.status === 200 && token !== undefined) applied.set(token, TransactItems)
    return answer
  }
}

/** Refuses a token with other parameters, as AWS does; parameters that contain the time differ each time. */
function repeated(first: unknown, second: unknown): WireAnswer {
  if (isDeepStrictEqual(first, second)) return { status: 200, body: '{}' }
  return wireError(400, 'IdempotentParameterMismatchException', 'the token was used with other parameters')
}

async function run(call: Call, items: NonNullable<Request['TransactItems']>): Promise<WireAnswer> {
  const plan: Planned[] = []
  for (const item of items) plan.push(await planned(call, item))
  const keys = new Set(plan.map(({ operation, key }) => operation.TableName + JSON.stringify(key)))
  if (keys.size !== plan.length) return invalid('Transaction request cannot include multiple operations on one item')
  if (plan.some(({ kind, operation }) => kind === 'Update' && !operation.UpdateExpression)) {
    return invalid('UpdateExpression is required')
  }
  const done: Planned[] = []
  const reasons: Reason[] = []
  for (const step of plan) {
    const answer = await call(TARGET[step.kind], JSON.stringify(step.operation))
    if (answer.status === 200) done.push(step)
    else if (!answer.body.includes('ConditionalCheckFailed')) return undo(call, done, answer)
    reasons.push(answer.status === 200 ? { Code: 'None' } : { Code: 'ConditionalCheckFailed', Message: 'failed' })
  }
  if (done.length < plan.length) {
    const more = { CancellationReasons: reasons }
    return undo(call, done, wireError(400, 'TransactionCanceledException', 'Transaction cancelled', more))
  }
  // A check is run as an empty update, which creates a missing row.
  const created = plan.filter(({ kind, old }) => kind === 'ConditionCheck' && !old)
  return undo(call, created, { status: 200, body: '{}' })
}

async function planned(call: Call, item: Partial<Record<Kind, Operation>>): Promise<Planned> {
  const [kind, operation] = Object.entries(item)[0] as [Kind, Operation]
  const from = operation.Key ?? operation.Item ?? {}
  const key = { pk: from.pk, sk: from.sk }
  const get = { TableName: operation.TableName, Key: key, ConsistentRead: true }
  const { Item: old } = JSON.parse((await call('GetItem', JSON.stringify(get))).body) as { Item?: Attributes }
  return { kind, operation, key, ...(old && { old }) }
}

async function undo(call: Call, done: readonly Planned[], answer: WireAnswer): Promise<WireAnswer> {
  for (const { operation, key, old } of done) {
    const { TableName } = operation
    if (old) await call('PutItem', JSON.stringify({ TableName, Item: old }))
    else await call('DeleteItem', JSON.stringify({ TableName, Key: key }))
  }
  return answer
}
