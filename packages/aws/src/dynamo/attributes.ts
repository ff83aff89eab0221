import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { Attrs, Item, Json } from '@kabutar/core/ports/table.ts'

/**
 * Converts JSON to DynamoDB's attribute values and back. Rows are JSON only, so sets, binary values and big numbers need
 * no code; `@aws-sdk/util-dynamodb` would convert them silently and add 13 KB to every bundle.
 */
export type Attributes = Record<string, AttributeValue>

export function marshal(attrs: Attrs): Attributes {
  return Object.fromEntries(Object.entries(attrs).map(([name, value]) => [name, marshalValue(value)]))
}

export function marshalValue(value: Json): AttributeValue {
  if (typeof value === 'string') return { S: value }
  if (typeof value === 'number') return { N: String(value) }
  if (typeof value === 'boolean') return { BOOL: value }
  if (value === null) return { NULL: true }
  if (isList(value)) return { L: value.map(marshalValue) }
  return { M: marshal(value) }
}

/** @throws {TypeError} for an attribute type that `marshal` never writes */
export function unmarshal(attributes: Attributes): Item {
  return unmarshalAttrs(attributes) as Item
}

function unmarshalAttrs(attributes: Attributes): Attrs {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, unmarshalValue(value)]))
}

function unmarshalValue(value: AttributeValue): Json {
  if (value.S !== undefined) return value.S
  if (value.N !== undefined) return Number(value.N)
  if (value.BOOL !== undefined) return value.BOOL
  if (value.NULL !== undefined) return null
  if (value.L !== undefined) return value.L.map(unmarshalValue)
  if (value.M !== undefined) return unmarshalAttrs(value.M)
  throw new TypeError(`an attribute of type ${Object.keys(value).join()} in a row`)
}

/** `Array.isArray` does not narrow a readonly array out of the union. */
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
