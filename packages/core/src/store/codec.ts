/**
 * Writes the number of its format into every row, and refuses rows of any other format. A row that a newer version wrote
 * is an error and never a guess, so that going back to an older version loses and corrupts nothing.
 */
import { type Attrs, type Item, type Key, StoreError } from '../ports/table.ts'
import { ROWS, type RowKind } from './keys.ts'

/** A new row of this version's format. */
export function row(kind: RowKind, key: Key, attrs: Attrs): Item {
  return { ...attrs, pk: key.pk, sk: key.sk, ...formatOf(kind) }
}

/** The format attribute alone: part of the `set` of an update that may create the row. */
export function formatOf(kind: RowKind): Attrs {
  return { format: ROWS[kind].format }
}

/** Answers the row if this version can read it. @throws {StoreError} `UnknownFormat`, which names the kind and the format */
export function readRow<Row extends Item | undefined>(kind: RowKind, item: Row): Row {
  const { format } = ROWS[kind]
  if (item === undefined || item.format === format) return item
  const found = typeof item.format === 'number' ? `format ${item.format}` : 'no format'
  throw new StoreError('UnknownFormat', `a row of kind ${kind} has ${found}; this version reads format ${format}`)
}
