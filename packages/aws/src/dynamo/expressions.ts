import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Condition, Json, Update } from '@kabutar/core/ports/table.ts'
import { type Attributes, marshalValue } from './attributes.ts'

/** Epoch seconds, the unit of `ttl`. */
export function nowSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000)
}

/**
 * Collects names and values behind placeholders, so that no attribute name collides with one of DynamoDB's 573 reserved
 * words. Rows whose `ttl` is not after `now` (epoch seconds) count as expired.
 */
export function expression(now: number) {
  const names = new Map<string, string>()
  const values: Attributes = {}
  const name = (attr: string): string => {
    const known = names.get(attr) ?? `#${names.size}`
    names.set(attr, known)
    return known
  }
  const value = (json: Json): string => {
    const placeholder = `:${Object.keys(values).length}`
    values[placeholder] = marshalValue(json)
    return placeholder
  }
  const placeholders = () => ({
    ...(names.size > 0 && {
      ExpressionAttributeNames: Object.fromEntries([...names].map(([attr, hash]) => [hash, attr])),
    }),
    ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: values }),
  })
  return { name, value, now, placeholders }
}
export type Expression = ReturnType<typeof expression>

/** A condition that hides expired rows: DynamoDB deletes them up to days later. */
export function alive(x: Expression): string {
  return `(attribute_not_exists(${x.name('ttl')}) OR ${x.name('ttl')} > ${x.value(x.now)})`
}

/** Joins `conditions` with AND; undefined if there are none. */
export function conditionOf(x: Expression, conditions: readonly Condition[] = []): string | undefined {
  if (conditions.length === 0) return undefined
  return conditions.map((condition) => oneCondition(x, condition)).join(' AND ')
}

function oneCondition(x: Expression, condition: Condition): string {
  if ('exists' in condition) {
    if (condition.exists) return `(attribute_exists(${x.name('pk')}) AND ${alive(x)})`
    return `(attribute_not_exists(${x.name('pk')}) OR ${x.name('ttl')} <= ${x.value(x.now)})`
  }
  const attr = x.name(condition.attr)
  if (!('value' in condition)) return `attribute_${condition.op === 'present' ? 'exists' : 'not_exists'}(${attr})`
  if (condition.op === 'in') return `${attr} IN (${condition.value.map((one) => x.value(one)).join(', ')})`
  return `${attr} ${condition.op} ${x.value(condition.value)}`
}

/**
 * Builds the UpdateExpression. An update without clauses still creates the row, but a DynamoDB transaction requires an
 * expression: this one removes an attribute that no row has.
 */
export function updateOf(x: Expression, update: Update): string {
  const set = [
    ...Object.entries(update.set ?? {}).map(([attr, json]) => `${x.name(attr)} = ${x.value(json)}`),
    ...Object.entries(update.setOnce ?? {}).map(
      ([attr, json]) => `${x.name(attr)} = if_not_exists(${x.name(attr)}, ${x.value(json)})`,
    ),
  ]
  const add = Object.entries(update.add ?? {}).map(([attr, number]) => `${x.name(attr)} ${x.value(number)}`)
  const remove = (update.remove ?? []).map((attr) => x.name(attr))
  const clauses = [
    set.length > 0 ? `SET ${set.join(', ')}` : '',
    add.length > 0 ? `ADD ${add.join(', ')}` : '',
    remove.length > 0 ? `REMOVE ${remove.join(', ')}` : '',
  ].filter(Boolean)
  return clauses.length > 0 ? clauses.join(' ') : `REMOVE ${x.name('-')}`
}
