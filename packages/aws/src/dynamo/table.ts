import { isDeepStrictEqual } from 'node:util'
import {
  BatchGetItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { inOrder } from '@kabutar/core/ports/in-order.ts'
import { type Item, type Key, StoreError, type Table, type Write } from '@kabutar/core/ports/table.ts'
import { checkGetMany, checkKey, checkTransact, checkWrite } from '@kabutar/core/ports/table-rules.ts'
import { retryConflicts, waitMs } from '@kabutar/core/ports/transact-retry.ts'
import { type Attributes, marshal, unmarshal } from './attributes.ts'
import { type DynamoContext, nowSeconds } from './context.ts'
import { conditionOf, expression, updateOf } from './expressions.ts'
import { queryPage } from './query.ts'
import { storeError, wasRetried } from './store-errors.ts'
import { tokenOf } from './token.ts'

const BATCH_GET_TRIES = 8

/**
 * The Table on one DynamoDB table: `pk` and `sk` strings, `ttl` as its TTL attribute, and one index `gs1`
 * (`gs1pk`, `gs1sk`; projects keys and `ttl`). Expired rows stay hidden until DynamoDB deletes them.
 * A lost answer is resolved where it can be: a put compares what is there, a transaction carries its token; an update
 * whose retry meets a failed condition is `Unavailable`, since its first attempt may have been the cause.
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

/** The row, unless it has expired. */
export function liveItem(attributes: Attributes | undefined, now: number): Item | undefined {
  if (!attributes) return undefined
  const item = unmarshal(attributes)
  return typeof item.ttl === 'number' && item.ttl <= now ? undefined : item
}

/** Callers may pass whole rows as keys; DynamoDB refuses any attribute more than the two. */
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

/** The condition failed in a repeated attempt: was it our own first attempt that made it fail? */
async function resolveLostAnswer(context: DynamoContext, write: Write, cause: unknown): Promise<Item> {
  if (write.kind === 'put') {
    const stored = await get(context, write.item)
    if (isDeepStrictEqual(stored, { ...write.item })) return write.item
    throw storeError(cause)
  }
  throw new StoreError('Unavailable', 'an answer was lost; the write may have been applied', { cause })
}

/**
 * A repetition of a token within 10 minutes is done already. DynamoDB also compares the requests, and ours differ by
 * the time in their conditions, so a mismatch says the same: the first one went through.
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
