import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import {
  BatchGetItemCommand,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { type Item, type Key, StoreError, type Table, type Write } from '@kabutar/core/ports/table.ts'
import { checkGetMany, checkKey, checkTransact, checkWrite, inOrder } from '@kabutar/core/ports/table-rules.ts'
import { retryConflicts, waitMs } from '@kabutar/core/ports/transact-retry.ts'
import { type ClientOptions, httpHandler } from '../sdk-client.ts'
import { storeError, wasRetried } from '../store-errors.ts'
import { type Attributes, marshal, unmarshal } from './attributes.ts'
import { conditionOf, expression, nowSeconds, updateOf } from './expressions.ts'
import { type DynamoContext, queryPage } from './query.ts'

const BATCH_GET_TRIES = 8

/** Three attempts end within 8 s, well inside every function's timeout; DynamoDB answers within milliseconds. */
export function dynamoClient(options: ClientOptions = {}): DynamoDBClient {
  return new DynamoDBClient({ ...options, maxAttempts: 3, requestHandler: httpHandler({ answerWithinMs: 2_500 }) })
}

/**
 * The Table port on one DynamoDB table: keys `pk` and `sk` (strings), TTL attribute `ttl`, and one index `gs1` (`gs1pk`,
 * `gs1sk`; projects keys and `ttl`). Expired rows stay hidden until DynamoDB deletes them.
 * A write may be applied although its answer is lost, and the SDK then repeats it. After a failed condition a put compares
 * the stored row with its own; a transaction carries its token; an update or delete throws `Unavailable`, because its own
 * first attempt may have made the condition fail.
 */
export function dynamoTable(client: DynamoDBClient, tableName: string, clock: Clock): Table {
  const context: DynamoContext = { client, tableName, clock }
  const write: Table['write'] = (one) => retryConflicts(clock, () => writeOne(context, one), Math.random)
  return {
    get: (key) => get(context, key),
    getMany: (keys) => getMany(context, keys),
    query: (query) => queryPage(context, query),
    write,
    writeInOrder: inOrder(write),
    transact: (writes, options) => retryConflicts(clock, () => transact(context, writes, options?.token), Math.random),
  }
}

/** Returns the row, or undefined if it has expired. */
function liveItem(attributes: Attributes | undefined, now: number): Item | undefined {
  if (!attributes) return undefined
  const item = unmarshal(attributes)
  return typeof item.ttl === 'number' && item.ttl <= now ? undefined : item
}

/** Picks the two key attributes: callers may pass whole rows, and DynamoDB refuses any other attribute. */
function keyAttributes(key: Key): Attributes {
  return { pk: { S: key.pk }, sk: { S: key.sk } }
}

async function get({ client, tableName, clock }: DynamoContext, key: Key): Promise<Item | undefined> {
  checkKey(key)
  try {
    const answer = await client.send(
      new GetItemCommand({ TableName: tableName, Key: keyAttributes(key), ConsistentRead: true }),
    )
    return liveItem(answer.Item, nowSeconds(clock))
  } catch (error) {
    throw storeError(error)
  }
}

async function getMany(context: DynamoContext, keys: readonly Key[]): Promise<readonly (Item | undefined)[]> {
  checkGetMany(keys)
  const identity = (key: Key) => JSON.stringify([key.pk, key.sk])
  const found = new Map<string, Item>()
  let missing = [...new Map(keys.map((key) => [identity(key), keyAttributes(key)])).values()]
  for (let tries = 0; missing.length > 0; tries++) {
    if (tries === BATCH_GET_TRIES) throw new StoreError('Throttled', `${missing.length} rows were not read`)
    if (tries > 0) await context.clock.sleep(waitMs(tries, Math.random()))
    const answer = await batchGet(context, missing)
    for (const attributes of answer.rows) {
      const item = liveItem(attributes, nowSeconds(context.clock))
      if (item) found.set(identity(item), item)
    }
    missing = answer.left
  }
  return keys.map((key) => found.get(identity(key)))
}

async function batchGet({ client, tableName }: DynamoContext, keys: Attributes[]) {
  try {
    const answer = await client.send(
      new BatchGetItemCommand({ RequestItems: { [tableName]: { Keys: keys, ConsistentRead: true } } }),
    )
    return { rows: answer.Responses?.[tableName] ?? [], left: answer.UnprocessedKeys?.[tableName]?.Keys ?? [] }
  } catch (error) {
    throw storeError(error)
  }
}

async function writeOne(context: DynamoContext, write: Write): Promise<Item | undefined> {
  checkWrite(write)
  if (write.kind === 'check') {
    await transact(context, [write])
    return undefined
  }
  try {
    return await send(context, write)
  } catch (error) {
    const refusal = storeError(error)
    if (refusal.code !== 'ConditionFailed' || !wasRetried(error)) throw refusal
    return resolveLostAnswer(context, write, error)
  }
}

async function send(context: DynamoContext, write: Exclude<Write, { kind: 'check' }>): Promise<Item | undefined> {
  const { client, clock } = context
  const { kind, request } = requestOf(context, write)
  if (kind === 'put') {
    await client.send(new PutItemCommand(request))
    return write.kind === 'put' ? write.item : undefined
  }
  if (kind === 'update') {
    const answer = await client.send(new UpdateItemCommand({ ...request, ReturnValues: 'ALL_NEW' }))
    return answer.Attributes && unmarshal(answer.Attributes)
  }
  const answer = await client.send(new DeleteItemCommand({ ...request, ReturnValues: 'ALL_OLD' }))
  return liveItem(answer.Attributes, nowSeconds(clock))
}

/** Decides, after a condition failed in a repeated attempt, whether our own first attempt was applied. */
async function resolveLostAnswer(context: DynamoContext, write: Write, cause: unknown): Promise<Item> {
  if (write.kind === 'put') {
    const stored = await get(context, write.item)
    if (isDeepStrictEqual(stored, { ...write.item })) return write.item
    throw storeError(cause)
  }
  throw new StoreError('Unavailable', 'an answer was lost; the write may have been applied', { cause })
}

/**
 * Writes all or nothing. DynamoDB applies a token once within 10 minutes. It also compares the requests, and ours differ
 * by the time in their conditions; so a mismatch, too, means that the first request went through.
 */
async function transact(context: DynamoContext, writes: readonly Write[], token?: string): Promise<void> {
  checkTransact(writes)
  const TransactItems = writes.map((write) => transactItem(context, write))
  try {
    await context.client.send(
      new TransactWriteItemsCommand({
        TransactItems,
        ...(token !== undefined && { ClientRequestToken: tokenOf(token) }),
      }),
    )
  } catch (error) {
    if ((error as Error).name === 'IdempotentParameterMismatchException' && token !== undefined) return
    throw storeError(error)
  }
}

/** DynamoDB takes tokens of at most 36 characters; the port's tokens have no limit. */
function tokenOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url').slice(0, 36)
}

function transactItem(context: DynamoContext, write: Write) {
  const { kind, request } = requestOf(context, write)
  if (kind === 'put') return { Put: request }
  if (kind === 'delete') return { Delete: request }
  if (kind === 'update') return { Update: request }
  return { ConditionCheck: request }
}

function requestOf(context: DynamoContext, write: Write) {
  const x = expression(nowSeconds(context.clock))
  const condition = conditionOf(x, write.if)
  const base = { TableName: context.tableName, ...(condition && { ConditionExpression: condition }) }
  if (write.kind === 'put') {
    return { kind: 'put', request: { ...base, Item: marshal(write.item), ...x.placeholders() } } as const
  }
  const keyed = { ...base, Key: keyAttributes(write.key) }
  if (write.kind === 'delete') return { kind: 'delete', request: { ...keyed, ...x.placeholders() } } as const
  if (write.kind === 'check') {
    return { kind: 'check', request: { ...keyed, ConditionExpression: condition ?? '', ...x.placeholders() } } as const
  }
  const UpdateExpression = updateOf(x, write)
  return { kind: 'update', request: { ...keyed, UpdateExpression, ...x.placeholders() } } as const
}
