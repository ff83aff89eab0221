import type { Item } from '@kabutar/core/ports/table.ts'
import { checkItem, checkItemKeys, TABLE_RULES } from '@kabutar/core/ports/table-rules.ts'

/** At most 6 bytes by the table's rules come from one UTF-16 unit of JSON text, so a shorter text needs no counting. */
const SURELY_FITS = TABLE_RULES.maxItemBytes / 6

/** A row as the text that is stored. @throws {StoreError} `Invalid`, `TooLarge` */
export function documentOf(item: Item): string {
  const doc = JSON.stringify(item)
  if (doc.length > SURELY_FITS) checkItem(item)
  else checkItemKeys(item)
  return doc
}
