/** Reads several ranges of rows as one list. */
import type { Item } from '../ports/table.ts'

type Ordered = { readonly prefix: string; readonly rows: AsyncGenerator<Item> }
type Head = { readonly order: string; readonly item: Item; readonly of: Ordered }

/** Rows of several prefixes in the order of what follows the prefix. */
export async function* merged(ranges: readonly Ordered[], reverse: boolean): AsyncGenerator<Item> {
  const headOf = async (of: Ordered): Promise<Head | undefined> => {
    const next = await of.rows.next()
    return next.done ? undefined : { order: next.value.sk.slice(of.prefix.length), item: next.value, of }
  }
  let heads = (await Promise.all(ranges.map(headOf))).filter((head) => head !== undefined)
  while (heads.length > 0) {
    const first = heads.reduce((a, b) => (a.order < b.order === reverse ? b : a))
    yield first.item
    const next = await headOf(first.of)
    heads = heads.flatMap((head) => (head === first ? (next ?? []) : head))
  }
}

/** The rows in groups of at most `size`. */
export async function* inBatches(rows: AsyncIterable<Item>, size: number): AsyncGenerator<readonly Item[]> {
  let some: Item[] = []
  for await (const item of rows) {
    some.push(item)
    if (some.length < size) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}
