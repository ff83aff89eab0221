import { MailError } from '@kabutar/core/errors.ts'
import { type MemoryPorts, REQUEST_FACTOR, withBody } from '@kabutar/core/messages/memory.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type * as z from 'zod'
import type { Env } from './env.ts'
import { HttpError } from './errors.ts'
import { presentFields, unknownFields } from './fields.ts'
import { boundedJson, PARSE_JSON } from './json-text.ts'

/** Holds 40 MB of attachments in base64 and the fields around them. */
export const MAX_BODY_BYTES = 42 * 1024 * 1024
const SMALL_BODY_BYTES = 256 * 1024

type BodyLimits = {
  /** @default 256 KB */
  readonly maxBytes?: number
  /** The body may hold files: their bytes may be numbers, and larger ones are uploaded ahead. */
  readonly files?: boolean
}

/**
 * Reads and checks the request's JSON. Fields that the schema does not know are named in the answer.
 * @throws {HttpError} 413 above the limit, 415 for a compressed body or another character set, 400 for what is not JSON
 * @throws {MailError} `missing_field`, `invalid_message` (also for too many values), `invalid_attachment`
 */
export async function jsonBody<T>(c: Context<Env>, schema: z.ZodType<T>, limits: BodyLimits = {}): Promise<T> {
  const bytes = await read(c, limits)
  const input = presentFields(await parse(c, await boundedJson(bytes, c.get('clock'), limits.files === true)))
  c.get('ignored').push(...unknownFields(schema, input))
  const result = schema.safeParse(input)
  if (result.success) return result.data
  throw refusal(result.error.issues[0], input)
}

/**
 * Waits until there is room in memory for the request's body, before it is read. Bodies take at most half of the room, so
 * that slow clients do not keep messages that were accepted from being handled. A body that finds no room is let go as it
 * comes: a client that is still sending it would see a broken connection and not the answer.
 */
export function roomForBody({ memory, clock }: MemoryPorts & { readonly clock: Clock }) {
  const bodies = new Semaphore(memory.units / 2, clock)
  return createMiddleware<Env>(async (c, next) => {
    const bytes = bytesToRead(c.req.raw.headers)
    try {
      await withBody(bodies, bytes, () => withBody(memory, Math.min(bytes, bodies.units / REQUEST_FACTOR), next))
    } catch (error) {
      if (error instanceof MailError && error.code === 'busy') await discard(c.req.raw)
      throw error
    }
  })
}

/** Reads what is left of a body, at most as much as is ever taken. The listener bounds the time. */
async function discard(request: Request): Promise<void> {
  if (request.bodyUsed) return
  let size = 0
  for await (const chunk of arriving(request)) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) return
  }
}

/** A chunked body may be as long as the longest that is taken. */
function bytesToRead(headers: Headers): number {
  const declared = headers.get('content-length')
  if (declared === null) return headers.has('transfer-encoding') ? MAX_BODY_BYTES : 0
  return Math.min(Number(declared), MAX_BODY_BYTES)
}

/** Reads the request's bytes. @throws {HttpError} 413 above the limit, 415 for a compressed body */
export async function bytesBody(c: Context<Env>, maxBytes: number): Promise<Uint8Array> {
  return read(c, { maxBytes })
}

async function read(c: Context<Env>, limits: BodyLimits): Promise<Buffer> {
  const encoding = c.req.header('Content-Encoding') ?? 'identity'
  if (!/^identity$/i.test(encoding)) throw unsupported('The request body must not be compressed.')
  const { raw } = c.req
  // The HTTP parser enforces a declared length; only a chunked body has to be counted here.
  if (!isDeclared(raw, limits)) return counted(raw, limits)
  return Buffer.from(await raw.arrayBuffer().catch(notArrived))
}

/** Reads a request's body. @throws {HttpError} 400 if the client goes away before its end, which is no error of the server */
export async function* arriving(request: Request): AsyncGenerator<Uint8Array, void> {
  try {
    yield* request.body ?? []
  } catch (cause) {
    notArrived(cause)
  }
}

function notArrived(cause: unknown): never {
  throw new HttpError(400, 'validation_error', 'The request body has not arrived in full.', {}, { cause })
}

const unsupported = (message: string) => new HttpError(415, 'validation_error', message)

/** Tells whether the length is declared, and refuses one above the limit. @throws {HttpError} 413 */
function isDeclared(request: Request, limits: BodyLimits): boolean {
  const declared = request.headers.get('content-length')
  if (declared !== null && Number(declared) > maxOf(limits)) throw tooLarge(limits)
  return declared !== null
}

const maxOf = ({ maxBytes = SMALL_BODY_BYTES }: BodyLimits) => maxBytes

async function counted(request: Request, limits: BodyLimits): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of arriving(request)) {
    size += chunk.byteLength
    if (size > maxOf(limits)) throw tooLarge(limits)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(limits: BodyLimits): HttpError {
  const message = `The request body is over the limit of ${maxOf(limits)} bytes.`
  return new HttpError(413, 'validation_error', limits.files ? `${message} ${UPLOAD_FIRST}` : message)
}

const UPLOAD_FIRST = 'Put large files to a link of POST /uploads, and attach them by `upload_id`.'

async function parse(c: Context<Env>, bytes: Buffer): Promise<unknown> {
  const parsed = await c.get('compute').run(PARSE_JSON, bytes, bytes.byteLength, [bytes])
  if ('value' in parsed) return parsed.value
  throw notJson(`The request body is not valid ${parsed.not}.`)
}

const notJson = (message: string) => new HttpError(400, 'validation_error', message)

type Issue = z.core.$ZodIssue

function refusal(issue: Issue | undefined, input: unknown): Error {
  const field = issue?.path.map(String).join('.') ?? ''
  if (issue?.code === 'invalid_type' && issue.expected === 'never') {
    return new MailError('invalid_message', `The \`${field}\` field is not in this version.`)
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
