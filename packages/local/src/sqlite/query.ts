import type { Item, Query } from '@kabutar/core/ports/table.ts'

type Row = { readonly [column: string]: unknown }
type Sql = { readonly sql: string; readonly values: (string | number)[] }

/** One query as SQL; `position` is its cursor's. Few texts come of it, so each is prepared once. */
export function querySql(query: Query, position: readonly string[] | undefined, nowSeconds: number): Sql {
  const { pk, index, prefix, from, to, reverse = false, limit } = query
  const sk = index ? 'gs1sk' : 'sk'
  const clauses = [index ? 'gs1pk = ? AND gs1pk IS NOT NULL AND gs1sk IS NOT NULL' : 'pk = ?']
  const values: (string | number)[] = [pk]
  const where = (clause: string, ...bound: readonly string[]) => {
    clauses.push(clause)
    values.push(...bound)
  }
  // No UTF-8 text has the byte FF, so this end is above every key with the prefix.
  if (prefix) where(`${sk} >= ? AND ${sk} < ? || CAST(x'FF' AS TEXT)`, prefix, prefix)
  else if (prefix === undefined) {
    if (from) where(`${sk} >= ?`, from)
    if (to) where(`${sk} <= ?`, to)
  }
  const beyond = reverse ? '<' : '>'
  if (position) where(index ? `(gs1sk, pk, sk) ${beyond} (?, ?, ?)` : `sk ${beyond} ?`, ...position)
  const direction = reverse ? 'DESC' : 'ASC'
  const order = (index ? ['gs1sk', 'pk', 'sk'] : ['sk']).map((column) => `${column} ${direction}`).join(', ')
  const columns = index ? 'pk, sk, gs1pk, gs1sk, ttl' : 'doc'
  const alive = `${clauses.join(' AND ')} AND (ttl IS NULL OR ttl > ?)`
  return {
    sql: `SELECT ${columns} FROM item ${index ? 'INDEXED BY item_due ' : ''}WHERE ${alive} ORDER BY ${order} LIMIT ?`,
    values: [...values, nowSeconds, limit + 1],
  }
}

/** A row of the index: keys, and `ttl` where there is one. */
export function indexEntry({ pk, sk, gs1pk, gs1sk, ttl }: Row): Item {
  return { pk, sk, gs1pk, gs1sk, ...(ttl !== null && { ttl }) } as unknown as Item
}

const manyTexts: string[] = []

/** Rows by `count` keys, bound as pk, sk, pk, sk: each that there is, with the place of its key. */
export function manySql(count: number): string {
  manyTexts[count] ??=
    `WITH key (at, pk, sk) AS (VALUES ${Array.from({ length: count }, (_, at) => `(${at}, ?, ?)`).join()})
    SELECT key.at AS at, doc FROM key CROSS JOIN item ON item.pk = key.pk AND item.sk = key.sk`
  return manyTexts[count]
}

/** The columns beside the text: gs1pk, gs1sk, ttl. */
export function indexColumns({ gs1pk, gs1sk, ttl }: Item): [string | null, string | null, number | null] {
  return [
    typeof gs1pk === 'string' ? gs1pk : null,
    typeof gs1sk === 'string' ? gs1sk : null,
    typeof ttl === 'number' ? ttl : null,
  ]
}
