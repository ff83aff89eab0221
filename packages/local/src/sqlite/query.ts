import type { Item, Query } from '@kabutar/core/ports/table.ts'

type Row = { readonly [column: string]: unknown }
type Sql = { readonly sql: string; readonly values: (string | number)[] }

/**
 * Builds the SQL of one query; `position` is the decoded cursor. Values are bound and never part of the text, so that
 * the engine prepares only a few statements. It asks for one row more than `limit`, which tells whether there are more.
 */
export function querySql(query: Query, position: readonly string[] | undefined, nowSeconds: number): Sql {
  const { pk, index, prefix, from, to, reverse = false, limit } = query
  const sk = index ? 'gs1sk' : 'sk'
  const clauses = [index ? 'gs1pk = ? AND gs1pk IS NOT NULL AND gs1sk IS NOT NULL' : 'pk = ?']
  const values: (string | number)[] = [pk]
  const where = (clause: string, ...bound: readonly string[]) => {
    clauses.push(clause)
    values.push(...bound)
  }
  // The byte FF occurs in no UTF-8 text, so prefix + FF is above every key with that prefix.
  if (prefix) where(`${sk} >= ? AND ${sk} < ? || CAST(x'FF' AS TEXT)`, prefix, prefix)
  else if (prefix === undefined) {
    if (from) where(`${sk} >= ?`, from)
    if (to) where(`${sk} <= ?`, to)
  }
  const beyond = reverse ? '<' : '>'
  if (position) where(index ? `(gs1sk, pk, sk) ${beyond} (?, ?, ?)` : `sk ${beyond} ?`, ...position)
  const direction = reverse ? 'DESC' : 'ASC'
  const order = (index ? ['gs1sk', 'pk', 'sk'] : ['sk']).map((column) => `${column} ${direction}`).join(', ')
  const columns = index ? 'pk, sk, gs1pk, gs1sk, ttl' : 'sk, doc'
  const alive = `${clauses.join(' AND ')} AND (ttl IS NULL OR ttl > ?)`
  return {
    sql: `SELECT ${columns} FROM item ${index ? 'INDEXED BY item_gs1 ' : ''}WHERE ${alive} ORDER BY ${order} LIMIT ?`,
    values: [...values, nowSeconds, limit + 1],
  }
}

/** Builds an item of the index from its columns: the keys, and `ttl` if the row has one. */
export function indexEntry({ pk, sk, gs1pk, gs1sk, ttl }: Row): Item {
  return { pk, sk, gs1pk, gs1sk, ...(ttl !== null && { ttl }) } as unknown as Item
}

/** Builds the SQL that reads `count` keys, bound as pk, sk, pk, sk. `at` is the position of the row's key. */
export function getManySql(count: number): string {
  const keys = Array.from({ length: count }, (_, at) => `(${at}, ?, ?)`).join()
  return `WITH key (at, pk, sk) AS (VALUES ${keys})
    SELECT key.at AS at, doc FROM key CROSS JOIN item ON item.pk = key.pk AND item.sk = key.sk`
}

/** The values of the columns gs1pk, gs1sk and ttl. */
export function indexColumns({ gs1pk, gs1sk, ttl }: Item): [string | null, string | null, number | null] {
  return [
    typeof gs1pk === 'string' ? gs1pk : null,
    typeof gs1sk === 'string' ? gs1sk : null,
    typeof ttl === 'number' ? ttl : null,
  ]
}
