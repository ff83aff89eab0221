import { MailError } from '@kabutar/core/errors.ts'
import type { Context } from 'hono'
import * as z from 'zod/mini'
import en from 'zod/v4/locales/en.js'
import { HttpError } from './errors.ts'

// What an answer says is wrong with a field.
z.config(en())

/** 40 MB of attachments after base64, and room for what surrounds them. */
export const MAX_BODY_BYTES = 42 * 1024 * 1024
const SMALL_BODY_BYTES = 256 * 1024

/**
 * The request's JSON, checked; unknown fields are errors, since a field that we drop would be a promise broken in silence.
 * @throws {HttpError} 413 past the limit, 400 for what is no JSON
 * @throws {MailError} `missing_field`, `invalid_message`
 */
export async function jsonBody<T>(
  c: Context,
  schema: z.ZodMiniType<T>,
  maxBytes: number = SMALL_BODY_BYTES,
): Promise<T> {
  const text = await textBody(c.req.raw, maxBytes)
  const input = parse(text)
  const result = schema.safeParse(input)
  if (result.success) return result.data
  throw refusal(result.error.issues[0], input)
}

async function textBody(request: Request, maxBytes: number): Promise<string> {
  // A declared length is enforced by the HTTP parser; only a chunked body has to be counted here.
  return isDeclared(request, maxBytes) ? request.text() : (await counted(request, maxBytes)).toString()
}

/** The request's body as it is. @throws {HttpError} 413 past the limit */
export async function bytesBody({ req: { raw } }: Context, maxBytes: number): Promise<Uint8Array> {
  return isDeclared(raw, maxBytes) ? new Uint8Array(await raw.arrayBuffer()) : counted(raw, maxBytes)
}

/** @throws {HttpError} 413 past the limit */
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
