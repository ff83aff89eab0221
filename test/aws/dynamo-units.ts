/**
 * Counts the units that DynamoDB bills for a request, by its rules (packages/testing/src/units.ts), from the request, the
 * answer and the rows that it touched; these are read before and after, which is safe because requests run one by one.
 * Two things differ from AWS: a request refused without reading a row, such as a throttle, is not counted, and a
 * transaction repeated by its token counts as another one, although AWS bills reads for it.
 */
import { unmarshal } from '@kabutar/aws/dynamo/attributes.ts'
import type { Item } from '@kabutar/core/ports/table.ts'
import { itemBytes } from '@kabutar/core/ports/table-rules.ts'
import { failedWriteUnits, pageUnits, readUnits, storedBytes, writeUnits } from '@kabutar/testing/units.ts'
import { type Count, GB } from '../cost/tally.ts'
import type { Call, WireAnswer } from './transactions.ts'

type Attributes = Parameters<typeof unmarshal>[0]
type Written = { readonly TableName: string; readonly Key?: Attributes; readonly Item?: Attributes }
type Read = { readonly Key?: Attributes; readonly Item?: Attributes }
type Asked = Written & {
  readonly TransactItems?: readonly Readonly<Record<string, Written>>[]
  readonly RequestItems?: Readonly<Record<string, { readonly Keys: readonly Attributes[] }>>
  readonly FilterExpression?: string
  readonly IndexName?: string
}
type Answered = Read & {
  readonly __type?: string
  readonly Items?: readonly Attributes[]
  readonly Count?: number
  readonly ScannedCount?: number
  readonly Responses?: Readonly<Record<string, readonly Attributes[]>>
  readonly UnprocessedKeys?: Readonly<Record<string, { readonly Keys: readonly Attributes[] }>>
  readonly ConsumedCapacity?: Capacity | readonly Capacity[]
}
type Capacity = { readonly CapacityUnits?: number }

/** Units of requests that dynalite counts too: not index writes, transactions, failures or empty answers. */
export type CrossCheck = { ours: number; theirs: number }

/** Forwards a request to `run` and counts it. */
export async function counted(
  call: Call,
  { operation, body }: { readonly operation: string; readonly body: string },
  count: Count,
  check: CrossCheck,
  run: (body: string) => Promise<WireAnswer>,
): Promise<WireAnswer> {
  const asked = JSON.parse(body) as Asked
  const before = await rowsOf(call, writesOf(operation, asked))
  if (operation === 'TransactWriteItems') return transacted(call, asked, before, count, await run(body))
  const answer = await run(JSON.stringify({ ...asked, ReturnConsumedCapacity: 'TOTAL' }))
  const answered = JSON.parse(answer.body) as Answered
  const ours = /^(Put|Update|Delete)Item$/.test(operation)
    ? await wrote(call, operation, asked, before[0], count, answered)
    : await read(call, asked, count, answered)
  const theirs = [answered.ConsumedCapacity ?? {}].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0)
  if (theirs > 0 && asked.IndexName === undefined) {
    check.ours += ours
    check.theirs += theirs
  }
  return answer
}

function writesOf(operation: string, asked: Asked): readonly Written[] {
  if (operation === 'TransactWriteItems') return (asked.TransactItems ?? []).flatMap((item) => Object.values(item))
  return /^(Put|Update|Delete)Item$/.test(operation) ? [asked] : []
}

/** Reads the current rows, in the order of the writes. */
async function rowsOf(call: Call, writes: readonly Written[]): Promise<readonly (Item | undefined)[]> {
  const rows: (Item | undefined)[] = []
  for (const { TableName, Key, Item: item } of writes) {
    const { pk, sk } = Key ?? item ?? {}
    const get = JSON.stringify({ TableName, Key: { pk, sk }, ConsistentRead: true })
    const { Item: found } = JSON.parse((await call('GetItem', get)).body) as Read
    rows.push(found && unmarshal(found))
  }
  return rows
}

/** Returns the units without those of the index. */
async function wrote(
  call: Call,
  operation: string,
  asked: Asked,
  before: Item | undefined,
  count: Count,
  { __type: error }: Answered,
): Promise<number> {
  if (error !== undefined) {
    if (error.includes('ConditionalCheckFailed')) count('tableWrites', failedWriteUnits(before, 1))
    return 0
  }
  const [after] = operation === 'DeleteItem' ? [] : await rowsOf(call, [asked])
  changed(count, before, after, 1)
  return Math.max(failedWriteUnits(before, 1), failedWriteUnits(after, 1))
}

async function transacted(
  call: Call,
  asked: Asked,
  before: readonly (Item | undefined)[],
  count: Count,
  answer: WireAnswer,
): Promise<WireAnswer> {
  const after = answer.status === 200 ? await rowsOf(call, writesOf('TransactWriteItems', asked)) : []
  const cancelled = answer.body.includes('TransactionCanceled')
  for (const [i, row] of before.entries()) {
    if (answer.status === 200) changed(count, row, after[i], 2)
    else if (cancelled) count('tableWrites', failedWriteUnits(row, 2))
  }
  return answer
}

function changed(count: Count, before: Item | undefined, after: Item | undefined, times: 1 | 2): void {
  count('tableWrites', writeUnits(before, after, times))
  count('tableGbMonth', (storedBytes(after) - storedBytes(before)) / GB)
}

async function read(call: Call, asked: Asked, count: Count, answered: Answered): Promise<number> {
  if (answered.__type !== undefined) return 0
  const units = asked.RequestItems ? batchUnits(asked, answered) : await unitsRead(call, asked, answered)
  count('tableReads', units)
  return units
}

/** Counts found rows by their size, and one unit for each key without a row. */
function batchUnits({ RequestItems = {} }: Asked, { Responses = {}, UnprocessedKeys = {} }: Answered): number {
  const keysIn = (tables: NonNullable<Asked['RequestItems']>) =>
    Object.values(tables).flatMap(({ Keys }) => Keys).length
  const found = Object.values(Responses).flat()
  const missing = keysIn(RequestItems) - keysIn(UnprocessedKeys) - found.length
  return missing + found.reduce((sum, row) => sum + readUnits(unmarshal(row)), 0)
}

async function unitsRead(call: Call, asked: Asked, answered: Answered): Promise<number> {
  if (asked.Key) return readUnits(answered.Item && unmarshal(answered.Item))
  const rows = answered.ScannedCount === answered.Count ? answered.Items : (await unfiltered(call, asked)).Items
  return pageUnits(
    (rows ?? []).reduce((sum, row) => sum + itemBytes(unmarshal(row)), 0),
    asked.IndexName === undefined,
  )
}

/**
 * Repeats a query without its filter, because rows that a filter leaves out are billed. The filter stays in a form that is
 * always true, because DynamoDB refuses names and values that no expression uses.
 */
async function unfiltered(call: Call, asked: Asked): Promise<Answered> {
  const all = `${asked.FilterExpression} OR NOT ${asked.FilterExpression}`
  const { status, body } = await call('Query', JSON.stringify({ ...asked, FilterExpression: all }))
  if (status !== 200) throw new Error(`the rows that a filter left out cannot be counted: ${body}`)
  return JSON.parse(body) as Answered
}
