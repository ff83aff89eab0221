import { type Item, type Json, type Key, StoreError, type Update } from '@kabutar/core/ports/table.ts'

/** The row after an update; `old` is undefined where it makes the row. @throws {StoreError} `Invalid` for an `add` to what is no number */
export function updated(update: Update, old: Item | undefined): Item {
  const next: Record<string, Json> & Key = { ...old, ...update.key }
  for (const [attr, value] of Object.entries(update.setOnce ?? {})) {
    if (next[attr] === undefined) next[attr] = value
  }
  Object.assign(next, update.set)
  for (const [attr, amount] of Object.entries(update.add ?? {})) {
    const before = next[attr] === undefined ? 0 : next[attr]
    if (typeof before !== 'number') throw new StoreError('Invalid', `${attr} is no number, so nothing can be added`)
    next[attr] = before + amount
  }
  for (const attr of update.remove ?? []) delete next[attr]
  return next
}
