import { type DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Item, Page, Query } from '@kabutar/core/ports/table.ts'
import { checkQuery, decodeCursor, encodeCursor } from '@kabutar/core/ports/table-rules.ts'
import { storeError } from '../store-errors.ts'
import { type Attributes, unmarshal } from './attributes.ts'
import { alive, type Expression, expression, nowSeconds } from './expressions.ts'

export type DynamoContext = { readonly client: DynamoDBClient; readonly tableName: string; readonly clock: Clock }

/** Bounds the requests of one page. Only long runs of expired rows need more than two: each request doubles its limit. */
const MAX_REQUESTS = 12

/**
 * Reads one page. It asks for one row more than the page holds, so that a cursor means that more rows exist. After
 * MAX_REQUESTS (thousands of expired rows in a run) the page is short, and its cursor points at the last row read.
 */
export async function queryPage(context: DynamoContext, query: Query): Promise<Page> {
  checkQuery(query)
  if (isEmptyRange(query)) return { items: [] }
  const x = expression(nowSeconds(context.clock))
  const keys = keyCondition(x, query)
  const filter = alive(x)
  const request = { KeyConditionExpression: keys, FilterExpression: filter, ...x.placeholders() }
  const items: Item[] = []
  let start = startKey(query)
  for (let requests = 1; requests <= MAX_REQUESTS; requests++) {
    const wanted = query.limit + 1 - items.length
    const limit = requests === 1 ? wanted : Math.max(wanted, 25 * 2 ** requests)
    const answer = await onePage(context, query, {
      ...request,
      Limit: limit,
      ...(start && { ExclusiveStartKey: start }),
    })
    items.push(...(answer.Items ?? []).map(unmarshal))
    start = answer.LastEvaluatedKey
    if (items.length > query.limit) return pageOf(query, items)
    if (!start) return { items }
  }
  return start ? { items, cursor: encodeCursor(query, unmarshal(start)) } : { items }
}

/** True if `from` is after `to` in the order of UTF-8 bytes: DynamoDB refuses such bounds, the port has no rows for them. */
function isEmptyRange({ prefix, from, to }: Query): boolean {
  if (prefix !== undefined || from === undefined || to === undefined) return false
  return Buffer.compare(Buffer.from(from), Buffer.from(to)) > 0
}

type PageRequest = {
  readonly KeyConditionExpression: string
  readonly FilterExpression: string
  readonly Limit: number
  readonly ExclusiveStartKey?: Attributes
}

async function onePage({ client, tableName }: DynamoContext, query: Query, request: PageRequest) {
  try {
    return await client.send(
      new QueryCommand({
        TableName: tableName,
        ...request,
        ScanIndexForward: !query.reverse,
        ...(query.index ? { IndexName: query.index } : { ConsistentRead: true }),
      }),
    )
  } catch (error) {
    throw storeError(error)
  }
}

function pageOf(query: Query, items: readonly Item[]): Page {
  const page = items.slice(0, query.limit)
  const last = page.at(-1)
  return last ? { items: page, cursor: encodeCursor(query, last) } : { items: page }
}

function keyCondition(x: Expression, query: Query): string {
  const partition = `${x.name(query.index ? 'gs1pk' : 'pk')} = ${x.value(query.pk)}`
  const sort = query.index ? 'gs1sk' : 'sk'
  const { prefix, from, to } = query
  if (prefix !== undefined) {
    return prefix === '' ? partition : `${partition} AND begins_with(${x.name(sort)}, ${x.value(prefix)})`
  }
  if (from !== undefined && to !== undefined) {
    return `${partition} AND ${x.name(sort)} BETWEEN ${x.value(from)} AND ${x.value(to)}`
  }
  if (from !== undefined) return `${partition} AND ${x.name(sort)} >= ${x.value(from)}`
  if (to !== undefined) return `${partition} AND ${x.name(sort)} <= ${x.value(to)}`
  return partition
}

/** Takes the partition from the query and never from the cursor, so that a cursor cannot leave its account. */
function startKey(query: Query): Attributes | undefined {
  const position = decodeCursor(query)
  if (!position) return undefined
  const text = (index: number) => ({ S: position[index] ?? '' })
  if (!query.index) return { pk: { S: query.pk }, sk: text(0) }
  return { gs1pk: { S: query.pk }, gs1sk: text(0), pk: text(1), sk: text(2) }
}
