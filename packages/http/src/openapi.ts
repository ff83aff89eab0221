import * as z from 'zod'
import { ERROR_STATUS, type WireErrorName } from './errors.ts'
import { type Operation, TAGS } from './operation.ts'
import { OPERATIONS } from './operations.ts'
import { VERSION } from './session.ts'
import { WEBHOOK_PAYLOADS } from './webhook-payloads.ts'

const DESCRIPTION = `Resend's wire format, and what Kabutar adds to it. The unmodified \`resend\` SDK works with it.

In a request \`null\` means absent. Fields and query parameters that are not described are ignored and named in the response
header \`kabutar-ignored\`; one that is described in the other case (\`replyTo\` for \`reply_to\`) is refused with 422.`

const WireError = z
  .object({ statusCode: z.int().min(400).max(599), name: z.string(), message: z.string() })
  .meta({ id: 'Error' })
const SECURITY = {
  key: { type: 'http', scheme: 'bearer', description: 'An API key, `re_…`.' },
  operator: { type: 'http', scheme: 'bearer', description: "The operator's token, from the server's data folder." },
}

type Schema = Record<string, unknown>
/** Schemas that have a name, for `components`. */
type Components = Map<string, Schema>

/** Makes the OpenAPI 3.1 description of the API, as a server that runs with its defaults has it. */
export function openApi() {
  const components: Components = new Map()
  const paths: Record<string, Schema> = {}
  for (const operation of OPERATIONS) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [operation.method]: describe(operation, components) }
  }
  const webhooks = Object.fromEntries(
    [...WEBHOOK_PAYLOADS].map(([type, payload]) => [type, { post: describeWebhook(type, payload, components) }]),
  )
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kabutar',
      version: VERSION,
      summary: 'A transactional email API.',
      description: DESCRIPTION,
      contact: { name: 'Kabutar' },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: 'http://127.0.0.1:3000', description: '`npm start` with its defaults.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    security: [{ key: [] }],
    paths,
    webhooks,
    components: {
      schemas: Object.fromEntries([...components].sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: SECURITY,
    },
  }
}

function describe(operation: Operation, components: Components): Schema {
  const { operationId, tag, summary, opens, status } = operation
  const parameters = parametersOf(operation, components)
  const body = bodyOf(operation, components)
  return {
    operationId,
    tags: [tag],
    summary,
    description: summary.endsWith('?') ? summary : `${summary}.`,
    ...(opens && { security: opens === 'operator token' ? [{ operator: [] }] : [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: body } }),
    responses: {
      [status]: { description: 'Done.', content: answerOf(operation, components) },
      ...Object.fromEntries(
        [...errorsOf(operation)].map(([code, names]) => [
          code,
          { description: `${names.join(', ')}.`, content: jsonOf(WireError, 'output', components) },
        ]),
      ),
      default: {
        description: 'internal_server_error (500), service_unavailable (503).',
        content: jsonOf(WireError, 'output', components),
      },
    },
  }
}

function answerOf({ answer, binary, text }: Operation, components: Components): Schema {
  if (text !== undefined) return { [text]: { schema: schemaOf(answer, 'output', components) } }
  return binary ? FILE : jsonOf(answer, 'output', components)
}

const FILE = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }

function bodyOf({ request, file, message }: Operation, components: Components): Schema | undefined {
  if (file) return FILE
  if (request === undefined) return undefined
  const raw = message && { 'message/rfc822': { schema: { type: 'string', format: 'binary' } } }
  return { ...jsonOf(request, 'input', components), ...raw }
}

function parametersOf({ path, paged, query = {}, headers = {}, params = {} }: Operation, components: Components) {
  const parameter =
    (place: string) =>
    ([name, schema]: [string, z.ZodType]) => {
      const { description, ...rest } = schemaOf(schema, 'input', components)
      return { name, in: place, required: place === 'path', ...(description ? { description } : {}), schema: rest }
    }
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']): [string, z.ZodType] => [
    name,
    params[name] ?? z.uuid(),
  ])
  return [
    ...inPath.map(parameter('path')),
    ...Object.entries({ ...pageQuery(paged), ...query }).map(parameter('query')),
    ...Object.entries(headers).map(parameter('header')),
  ]
}

function pageQuery(paged: Operation['paged']): Readonly<Record<string, z.ZodType>> {
  if (paged === undefined) return {}
  const limit = z.int().min(1).max(100).default(20)
  // The lists that have no `before` are those of webhook events.
  if (paged === 'after') return { limit, after: z.string().describe('What follows this id.') }
  return {
    limit,
    after: z.uuid().describe('What follows this id; not together with `before`.'),
    before: z.uuid().describe('What precedes this id; not together with `after`.'),
  }
}

/** The names of an operation's errors, by status. */
function errorsOf({
  path,
  opens,
  request,
  query,
  paged,
  errors = [],
}: Operation): ReadonlyMap<number, readonly string[]> {
  const keyed: readonly WireErrorName[] =
    opens === 'nothing'
      ? []
      : opens === 'signed link'
        ? ['invalid_access']
        : opens === 'operator token'
          ? ['missing_api_key', 'invalid_api_key']
          : ['missing_api_key', 'restricted_api_key', 'invalid_api_key']
  const names: readonly WireErrorName[] = [
    ...keyed,
    ...(path.includes('/:') ? (['not_found', 'invalid_parameter'] as const) : []),
    ...(query || paged ? (['invalid_parameter', 'validation_error'] as const) : []),
    ...(request ? (['missing_required_field', 'validation_error'] as const) : []),
    ...errors,
  ]
  const byStatus = Map.groupBy(new Set(names), (name) => Number(ERROR_STATUS[name]))
  if (request)
    for (const status of [400, 413, 415]) byStatus.set(status, [...(byStatus.get(status) ?? []), 'validation_error'])
  return new Map([...byStatus].sort(([a], [b]) => a - b))
}

function describeWebhook(type: string, payload: z.ZodType, components: Components): Schema {
  const header = (name: string, description: string) => ({
    name,
    in: 'header',
    required: true,
    description,
    schema: { type: 'string' },
  })
  return {
    operationId: `on ${type}`.replace(/[ ._](\w)/g, (_, letter: string) => letter.toUpperCase()),
    tags: ['Webhooks' satisfies keyof typeof TAGS],
    summary: `Receive \`${type}\``,
    description: 'Any 2xx within 15 seconds is success.',
    security: [],
    parameters: [
      header('svix-id', 'The same at every attempt.'),
      header('svix-timestamp', 'Seconds since 1970.'),
      header('svix-signature', 'As Standard Webhooks says; also in `webhook-…` headers.'),
    ],
    requestBody: { required: true, content: jsonOf(payload, 'output', components) },
    responses: { '2XX': { description: 'Taken.' }, '4XX': { description: 'Tried again.' } },
  }
}

const jsonOf = (schema: z.ZodType, io: 'input' | 'output', components: Components) => ({
  'application/json': { schema: schemaOf(schema, io, components) },
})

/** The JSON Schema; named schemas in it go to the components. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output', components: Components): Schema {
  const made = JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: 'any' }))
  const {
    $schema: _,
    $defs = {},
    ...json
  } = simplified(JSON.parse(made.replaceAll('"#/$defs/', '"#/components/schemas/')), io)
  for (const [name, definition] of Object.entries($defs as Schema)) components.set(name, definition as Schema)
  return json
}

/**
 * Leaves out of zod's schemas: `additionalProperties: false`, since a new field in an answer breaks no client; fields
 * that are refused by name; and the pattern that says what the format says. In a request, null stands for an absent field.
 */
function simplified(json: Schema, io: 'input' | 'output'): Schema {
  const entries = Object.entries(json).flatMap(([name, value]): [string, unknown][] => {
    if (name === 'additionalProperties' && value === false) return []
    if (name === 'pattern' && (json.format === 'uuid' || json.format === 'date-time')) return []
    if (typeof value !== 'object' || value === null || name === 'examples') return [[name, value]]
    if (Array.isArray(value)) return [[name, value.map((one) => (isSchema(one) ? simplified(one, io) : one))]]
    if (name === 'properties') return [[name, fieldsOf(value as Schema, io, (json.required ?? []) as string[])]]
    return [[name, simplified(value as Schema, io)]]
  })
  return Object.fromEntries(entries)
}

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null

function fieldsOf(properties: Schema, io: 'input' | 'output', required: readonly string[]): Schema {
  const fields = Object.entries(properties).filter(([, field]) => JSON.stringify(field) !== '{"not":{}}')
  return Object.fromEntries(
    fields.map(([name, field]) => {
      const made = simplified(field as Schema, io)
      return [name, io === 'input' && !required.includes(name) ? orNull(made) : made]
    }),
  )
}

function orNull(schema: Schema): Schema {
  const { description, ...rest } = schema
  const nullable =
    typeof rest.type === 'string' && rest.enum === undefined && rest.const === undefined
      ? { ...rest, type: [rest.type, 'null'] }
      : { anyOf: [...(Object.keys(rest).join() === 'anyOf' ? (rest.anyOf as Schema[]) : [rest]), { type: 'null' }] }
  return description === undefined ? nullable : { description, ...nullable }
}
