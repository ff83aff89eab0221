/** Reads the fields of a request as SDKs of every language mean them. */
import { MailError } from '@kabutar/core/errors.ts'
import * as z from 'zod'

/** The maps of the API: PHP writes an empty one as []. */
const MAPS = new Set(['headers', 'capabilities'])
/** Deeper than any request of the API; what lies below is left to the schema. */
const MAX_DEPTH = 8
const MAX_NAMED = 20

/** A field of the wire that is refused by its name, since ignoring it would change what is sent. */
export const notYet = z.never('is not in this version').optional()

/**
 * Drops the fields that are null, since null means absent, and makes empty maps of empty lists where a map belongs.
 * @throws {MailError} `invalid_message` for `__proto__`, which would be lost without a word on the way to the schema
 */
export function presentFields(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  if (Array.isArray(value)) return value.map((one) => presentFields(one, depth + 1))
  const fields = Object.entries(value).flatMap(([name, field]): [string, unknown][] => {
    if (name === '__proto__') throw new MailError('invalid_message', 'A field cannot be named `__proto__`.')
    if (field === null) return []
    const emptyMap = MAPS.has(name) && Array.isArray(field) && field.length === 0
    return [[name, emptyMap ? {} : presentFields(field, depth + 1)]]
  })
  return Object.fromEntries(fields)
}

/**
 * The paths of fields that the schema does not know, such as `attachments.0.color`; at most 20.
 * @throws {MailError} `invalid_message` for one that it knows in the other case: `replyTo` for `reply_to`
 */
export function unknownFields(schema: z.ZodType, value: unknown): readonly string[] {
  const unknown: string[] = []
  collect(schema, value, '', unknown)
  return unknown
}

function collect(given: z.ZodType, value: unknown, path: string, unknown: string[]): void {
  const schema = given instanceof z.ZodOptional ? (given.unwrap() as z.ZodType) : given
  if (typeof value !== 'object' || value === null) return
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    for (const [n, one] of value.entries()) collect(schema.element as z.ZodType, one, `${path}${n}.`, unknown)
  }
  const shape = shapeOf(schema)
  if (shape === undefined || Array.isArray(value)) return
  for (const [name, field] of Object.entries(value)) {
    if (unknown.length >= MAX_NAMED) return
    const known = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (known !== undefined) collect(known, field, `${path}${name}.`, unknown)
    else {
      refuseOtherCase(name, Object.keys(shape), `field \`${path}${name}\``)
      unknown.push(`${path}${name}`)
    }
  }
}

type Shape = Readonly<Record<string, z.ZodType>>

/** The fields of an object, or of all objects that a union allows. */
function shapeOf(schema: z.ZodType): Shape | undefined {
  if (schema instanceof z.ZodObject) return schema.shape as Shape
  if (!(schema instanceof z.ZodUnion)) return undefined
  const shapes = schema.options.map((option) => shapeOf(option as z.ZodType)).filter((shape) => shape !== undefined)
  return shapes.length === 0 ? undefined : Object.assign({}, ...shapes)
}

/** @throws {MailError} `invalid_message` */
export function refuseOtherCase(name: string, known: readonly string[], what: string): void {
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  const meant = known.find((one) => one === camel || one === snake)
  if (meant !== undefined) throw new MailError('invalid_message', `Unknown ${what.slice(0, 110)}; write \`${meant}\`.`)
}
