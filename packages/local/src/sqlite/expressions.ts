/** Evaluates the conditions and updates of a write against a row, as DynamoDB does with its expressions. */
import { type Condition, type Item, type Json, type Key, StoreError, type Update } from '@kabutar/core/ports/table.ts'

/** True if every condition holds. `stored` is the row even if it is expired; only `exists` asks whether it is `live`. */
export function holds(conditions: readonly Condition[] | undefined, stored: Item | undefined, live: boolean): boolean {
  return conditions === undefined || conditions.every((condition) => holdsOne(condition, stored, live))
}

function holdsOne(condition: Condition, stored: Item | undefined, live: boolean): boolean {
  if ('exists' in condition) return condition.exists === live
  const value = stored?.[condition.attr]
  switch (condition.op) {
    case 'present':
      return value !== undefined
    case 'absent':
      return value === undefined
    case 'in':
      return condition.value.some((candidate) => candidate === value)
    case '=':
      return value === condition.value
    default:
      return comparesTo(value, condition.op, condition.value)
  }
}

/** Compares texts by their UTF-8 bytes, as keys are compared. Values of two types compare false. */
function comparesTo(value: Json | undefined, op: '<' | '<=' | '>' | '>=', bound: string | number): boolean {
  let difference: number
  if (typeof value === 'number' && typeof bound === 'number') difference = value - bound
  else if (typeof value === 'string' && typeof bound === 'string') {
    difference = Buffer.compare(Buffer.from(value), Buffer.from(bound))
  } else return false
  if (op === '<') return difference < 0
  if (op === '<=') return difference <= 0
  return op === '>' ? difference > 0 : difference >= 0
}

/**
 * Returns the row after an update; `old` is undefined if the update creates it.
 * @throws {StoreError} `Invalid` for an `add` to a value that is no number
 */
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
