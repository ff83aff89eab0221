import { MailError } from '@kabutar/core/errors.ts'
import type { Context } from 'hono'
import type * as z from 'zod'
import { HttpError } from './errors.ts'

/** Holds 40 MB of attachments in base64 and the fields around them. */
export const MAX_BODY_BYTES = 42 * 1024 * 1024
const SMALL_BODY_BYTES = 256 * 1024

/**
 * Reads and checks the request's JSON. Unknown fields are errors: dropping one would silently ignore what the caller asked
 * for.
 * @throws {HttpError} 413 above the limit, 400 if the body is not JSON
 * @throws {MailError} `missing_field`, `invalid_message`
 */
export async function jsonBody<T>(c: Context, schema: z.ZodType<T>, maxBytes: number = SMALL_BODY_BYTES): Promise<T> {
  const text = await textBody(c.req.raw, maxBytes)
  const input = parse(text)
  const result = schema.safeParse(input)
  if (result.success) return result.data
  throw refusal(result.error.issues[0], input)
}

async function textBody(request: Request, maxBytes: number): Promise<string> {
  // The HTTP parser enforces a declared length; only a chunked body has to be counted here.
  return isDeclared(request, maxBytes) ? request.text() : (await counted(request, maxBytes)).toString()
}

/** Reads the request's bytes. @throws {HttpError} 413 above the limit */
export async function bytesBody({ req: { raw } }: Context, maxBytes: number): Promise<Uint8Array> {
  return isDeclared(raw, maxBytes) ? new Uint8Array(await raw.arrayBuffer()) : counted(raw, maxBytes)
}

/** Tells whether the length is declared, and refuses one above the limit. @throws {HttpError} 413 */
function isDeclared(request: Request, maxBytes: number): boolean {
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > maxBytes) throw tooLarge(maxBytes)
  return declared !== null
}

async function counted(request: Request, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, 'validation_error', `The request body is over the limit of ${maxBytes} bytes.`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new HttpError(400, 'validation_error', 'The request body is not valid JSON.')
  }
}

type Issue = z.core.$ZodIssue

function refusal(issue: Issue | undefined, input: unknown): Error {
  const field = issue?.path.map(String).join('.') ?? ''
  if (issue?.code === 'unrecognized_keys') {
    const name = [field, issue.keys[0]].filter(Boolean).join('.')
    return new MailError('invalid_message', `Unknown field \`${name.slice(0, 100)}\`.`)
  }
  if (issue !== undefined && field !== '' && valueAt(input, issue.path) === undefined) {
    return new MailError('missing_field', `Missing \`${field}\` field.`)
  }
  const name = field === '' ? 'request body' : `\`${field.slice(0, 100)}\` field`
  return new MailError('invalid_message', `Invalid ${name}: ${issue?.message ?? 'malformed'}.`)
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Record<PropertyKey, unknown> | undefined)?.[name], input)
}
