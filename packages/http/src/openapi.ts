import * as z from 'zod'
import type { Operation } from './operation.ts'
import { OPERATIONS } from './operations.ts'

const WireError = z.object({ statusCode: z.number().int(), name: z.string(), message: z.string() })
const schemaOf = (schema: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return json
}
const jsonOf = (schema: z.ZodType, io: 'input' | 'output') => ({
  'application/json': { schema: schemaOf(schema, io) },
})

const FILE = { 'application/octet-stream': {} }

/** Makes the OpenAPI 3.1 description of the API. */
export function openApi() {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const operation of OPERATIONS) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method]: describe(operation) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kabutar',
      version: '0.1.0',
      description: "Resend's wire format, and what Kabutar adds to it. The unmodified `resend` SDK works with it.",
      license: { name: 'MIT' },
    },
    components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
    security: [{ key: [] }],
    paths,
  }
}

function describe(operation: Operation) {
  const { summary, request, status, answer, key, file, binary } = operation
  const parameters = parametersOf(operation)
  return {
    summary,
    ...(key === false && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(request && { requestBody: { required: true, content: jsonOf(request, 'input') } }),
    ...(file && { requestBody: { required: true, content: FILE } }),
    responses: {
      [status]: { description: 'Done', content: binary ? FILE : jsonOf(answer, 'output') },
      default: { description: 'Refused', content: jsonOf(WireError, 'output') },
    },
  }
}

function parametersOf({ path, paged, query = {}, headers = [] }: Operation) {
  const text = { type: 'string' }
  return [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: text })),
    ...(paged
      ? [{ name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 } }]
      : []),
    ...(paged
      ? ['after', 'before'].map((name) => ({ name, in: 'query', schema: { type: 'string', format: 'uuid' } }))
      : []),
    ...Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema: schemaOf(schema, 'input') })),
    ...headers.map((name) => ({ name, in: 'header', schema: text })),
  ]
}
