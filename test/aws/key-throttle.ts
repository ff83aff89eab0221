/**
 * The throttles of single partitions: of the requests to each partition key, a share is refused as DynamoDB does it. A batch
 * is carried out without the keys that are throttled, and a transaction is cancelled with the reason of each.
 */
import { seeded } from '@kabutar/testing/faults.ts'
import { type WireAnswer, wireError } from './transactions.ts'

export type KeyThrottle = {
  /** From 0 to 1: of the requests to each partition key. @default 0 */
  share: number
  /** How often a key was throttled. */
  throttled: number
  /** Refuses a request, or `run`s what is left of it. */
  around(operation: string, body: string, run: (body: string) => Promise<WireAnswer>): Promise<WireAnswer>
}

type Text = { readonly S?: string }
type Attributes = Readonly<Record<string, Text>>
type Keyed = { readonly Key?: Attributes; readonly Item?: Attributes }
type Keys = { readonly Keys: readonly Attributes[] }
type Asked = Keyed & {
  readonly TransactItems?: readonly Readonly<Record<string, Keyed>>[]
  readonly RequestItems?: Readonly<Record<string, Keys>>
  readonly KeyConditionExpression?: string
  readonly ExpressionAttributeValues?: Attributes
}

export function keyThrottle(): KeyThrottle {
  const randoms = new Map<string, () => number>()
  /** Each key has its own sequence, so that a hot key does not take the throttles of the others. */
  const isThrottled = (key: string): boolean => {
    const random = randoms.get(key) ?? seeded(randoms.size)
    randoms.set(key, random)
    const is = random() < throttle.share
    if (is) throttle.throttled++
    return is
  }
  const throttle: KeyThrottle = {
    share: 0,
    throttled: 0,
    async around(operation, body, run) {
      if (throttle.share === 0) return run(body)
      const asked = JSON.parse(body) as Asked
      if (asked.TransactItems) return cancelled(asked.TransactItems, isThrottled) ?? run(body)
      if (asked.RequestItems) return batched(asked, asked.RequestItems, isThrottled, run)
      const key = operation === 'Query' ? queriedKey(asked) : partitionOf(asked)
      return key !== undefined && isThrottled(key) ? refused() : run(body)
    },
  }
  return throttle
}

const partitionOf = ({ Key, Item }: Keyed): string | undefined => (Key ?? Item)?.pk?.S

/** The partition of a query, of the table or of the index: its condition begins with it. */
function queriedKey({ KeyConditionExpression = '', ExpressionAttributeValues = {} }: Asked): string | undefined {
  const [, name = ''] = /^#\w+ = (:\w+)/.exec(KeyConditionExpression) ?? []
  return ExpressionAttributeValues[name]?.S
}

function refused(): WireAnswer {
  const message = 'The level of configured provisioned throughput for the table was exceeded'
  return wireError(400, 'ProvisionedThroughputExceededException', message)
}

function cancelled(
  items: NonNullable<Asked['TransactItems']>,
  isThrottled: (key: string) => boolean,
): WireAnswer | undefined {
  const CancellationReasons = items
    .flatMap((item) => Object.values(item))
    .map((write) =>
      isThrottled(partitionOf(write) ?? '')
        ? { Code: 'ThrottlingError', Message: 'Throughput exceeds the current capacity for one or more partitions' }
        : { Code: 'None' },
    )
  if (CancellationReasons.every(({ Code }) => Code === 'None')) return undefined
  return wireError(400, 'TransactionCanceledException', 'Transaction cancelled', { CancellationReasons })
}

async function batched(
  asked: Asked,
  tables: NonNullable<Asked['RequestItems']>,
  isThrottled: (key: string) => boolean,
  run: (body: string) => Promise<WireAnswer>,
): Promise<WireAnswer> {
  const given: Record<string, Keys> = {}
  const left: Record<string, Keys> = {}
  for (const [table, more] of Object.entries(tables)) {
    const { true: late = [], false: now = [] } = Object.groupBy(more.Keys, (key) => `${isThrottled(key.pk?.S ?? '')}`)
    if (now.length > 0) given[table] = { ...more, Keys: now }
    if (late.length > 0) left[table] = { ...more, Keys: late }
  }
  if (Object.keys(given).length === 0) return refused()
  const answer = await run(JSON.stringify({ ...asked, RequestItems: given }))
  if (answer.status !== 200 || Object.keys(left).length === 0) return answer
  return { status: 200, body: JSON.stringify({ ...JSON.parse(answer.body), UnprocessedKeys: left }) }
}
