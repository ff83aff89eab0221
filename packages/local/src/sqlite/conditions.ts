import type { Condition, Item, Json } from '@kabutar/core/ports/table.ts'

/** `stored` is the row as it lies there, expired or not; only `exists` asks whether it is `live`. */
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

/** Text compares by its UTF-8 bytes, as the keys do; another type compares false. */
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
