import {
  type Attrs,
  type Condition,
  type Item,
  type Json,
  type Key,
  type Query,
  StoreError,
  type Table,
  type Update,
  type Write,
} from './table.ts'

/** Limits of every adapter, so that the embedded engine is no more lenient than DynamoDB. */
export const TABLE_RULES = {
  maxItemBytes: 64 * 1024,
  maxPkBytes: 2048,
  maxSkBytes: 1024,
  maxTransact: 100,
  maxGetMany: 100,
  maxAlternatives: 100,
  tokenLifetimeMs: 10 * 60_000,
} as const

/** Bytes of a row as DynamoDB bills them: names and values in UTF-8, 3 bytes a list or map and 1 an element. */
export function itemBytes(item: Attrs): number {
  let sum = 0
  for (const [name, value] of Object.entries(item)) sum += Buffer.byteLength(name) + valueBytes(value)
  return sum
}

function valueBytes(value: Json): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (typeof value === 'number') return Math.min(21, Math.ceil(String(value).length / 2) + 1)
  if (value === null || typeof value === 'boolean') return 1
  if (Array.isArray(value)) return value.reduce<number>((sum, element) => sum + valueBytes(element) + 1, 3)
  return Object.entries(value).reduce((sum, [name, v]) => sum + Buffer.byteLength(name) + valueBytes(v) + 1, 3)
}

export function keyOf(write: Write): Key {
  return write.kind === 'put' ? write.item : write.key
}

/** @throws {StoreError} `Invalid` if a part of the key is empty or too long */
export function checkKey(key: Key): void {
  const bad = (part: string, max: number) => !part || part.length > max || Buffer.byteLength(part) > max
  if (bad(key.pk, TABLE_RULES.maxPkBytes) || bad(key.sk, TABLE_RULES.maxSkBytes)) {
    throw new StoreError('Invalid', 'a key is empty or too long')
  }
}

/** @throws {StoreError} `Invalid` as for a key; an index key that is there must be text, not empty and not too long */
export function checkItemKeys(item: Item): void {
  checkKey(item)
  const { gs1pk = 'absent', gs1sk = 'absent' } = item
  if (typeof gs1pk !== 'string' || typeof gs1sk !== 'string')
    throw new StoreError('Invalid', 'an index key is not text')
  checkKey({ pk: gs1pk, sk: gs1sk })
}

/** @throws {StoreError} `Invalid`, or `TooLarge` past 64 KB: what is larger belongs into a blob */
export function checkItem(item: Item): void {
  checkItemKeys(item)
  const bytes = itemBytes(item)
  if (bytes > TABLE_RULES.maxItemBytes) {
    throw new StoreError('TooLarge', `a row of ${bytes} bytes is over the limit of ${TABLE_RULES.maxItemBytes}`)
  }
}

/** @throws {StoreError} `Invalid` or `TooLarge` */
export function checkWrite(write: Write): void {
  if (write.kind === 'put') checkItem(write.item)
  else checkKey(write.key)
  if (write.kind === 'update') checkUpdate(write)
  if (write.kind === 'check' && write.if.length === 0) throw new StoreError('Invalid', 'a check has no condition')
  checkConditions(write.if)
}

function checkUpdate({ set = {}, setOnce = {}, add = {}, remove = [] }: Update): void {
  const names = [...Object.keys(set), ...Object.keys(setOnce), ...Object.keys(add), ...remove]
  if (new Set(names).size !== names.length) throw new StoreError('Invalid', 'an update names an attribute twice')
  if (names.includes('pk') || names.includes('sk')) throw new StoreError('Invalid', 'an update cannot change the key')
}

/** @throws {StoreError} `Invalid` for an `in` of no values or more than 100 */
export function checkConditions(conditions: readonly Condition[] = []): void {
  for (const condition of conditions) {
    if ('exists' in condition || condition.op !== 'in') continue
    if (condition.value.length < 1 || condition.value.length > TABLE_RULES.maxAlternatives) {
      throw new StoreError('Invalid', `'in' takes 1 to ${TABLE_RULES.maxAlternatives} values`)
    }
  }
}

/** @throws {StoreError} `Invalid` if there are none, more than 100, or one key twice; what checkWrite throws */
export function checkTransact(writes: readonly Write[]): void {
  if (writes.length < 1 || writes.length > TABLE_RULES.maxTransact) {
    throw new StoreError('Invalid', `a transaction has 1 to ${TABLE_RULES.maxTransact} writes, not ${writes.length}`)
  }
  const keys = new Set(writes.map((write) => JSON.stringify([keyOf(write).pk, keyOf(write).sk])))
  if (keys.size !== writes.length) throw new StoreError('Invalid', 'a transaction names the same key twice')
  for (const write of writes) checkWrite(write)
}

/** @throws {StoreError} `Invalid` past 100 keys */
export function checkGetMany(keys: readonly Key[]): void {
  if (keys.length > TABLE_RULES.maxGetMany) throw new StoreError('Invalid', 'getMany takes at most 100 keys')
  for (const key of keys) checkKey(key)
}

/** @throws {StoreError} `Invalid` for an empty partition key or a limit below 1 */
export function checkQuery({ pk, limit }: Query): void {
  if (!pk) throw new StoreError('Invalid', 'a query names no partition')
  if (!(Number.isSafeInteger(limit) && limit >= 1))
    throw new StoreError('Invalid', `a page of ${limit} rows is not valid`)
}

/** The position after `last` in the query's partition: `[sk]`, or `[gs1sk, pk, sk]` of an index. */
export function encodeCursor(query: Query, last: Item): string {
  const position = query.index ? [last.gs1sk, last.pk, last.sk] : [last.sk]
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** @throws {StoreError} `Invalid` for what encodeCursor did not make */
export function decodeCursor(query: Query): readonly string[] | undefined {
  if (query.cursor === undefined) return undefined
  const position = parseJson(Buffer.from(query.cursor, 'base64url').toString())
  const length = query.index ? 3 : 1
  if (Array.isArray(position) && position.length === length && position.every((part) => typeof part === 'string')) {
    return position
  }
  throw new StoreError('Invalid', 'the cursor was not made by this store')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** `writeInOrder` of an adapter whose writes are durable one by one. */
export function inOrder(write: Table['write']): Table['writeInOrder'] {
  return async (writes) => {
    for (const one of writes) await write(one)
  }
}

/** `getMany` of any number of keys, in as many calls as that takes. @throws {StoreError} */
export async function getAll(table: Table, keys: readonly Key[]): Promise<readonly (Item | undefined)[]> {
  const items: (Item | undefined)[] = []
  for (let from = 0; from < keys.length; from += TABLE_RULES.maxGetMany) {
    items.push(...(await table.getMany(keys.slice(from, from + TABLE_RULES.maxGetMany))))
  }
  return items
}
