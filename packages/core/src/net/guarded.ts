/**
 * Sends requests to URLs that users gave. An address is checked when connecting, so a connection that is reused has been
 * checked. Redirects are answers and are not followed, nothing is decompressed, proxies named in the environment are not
 * used, and every wait and size has a bound.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { Readable } from 'node:stream'
import type { Client } from 'undici'
import type { Clock } from '../ports/clock.ts'
import type { Resolver } from '../ports/resolver.ts'
import { Connections } from './connections.ts'
import { checkUrl, GuardError } from './url.ts'

export type GuardOptions = {
  readonly resolver: Resolver
  readonly clock: Clock
  /** Allows private and loopback addresses and plain http, for development. Never link-local, metadata or multicast. */
  readonly allowPrivate: boolean
  /** Bounds look-up, connection, headers and body together. @default 15000 */
  readonly timeoutMs?: number
  /** Bytes of the body that are read; the connection is dropped if there are more. @default 8192 */
  readonly maxBodyBytes?: number
}
export type GuardedRequest = {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}
type GuardedResponse = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The body is longer than the bound; `body` holds its beginning. */
  readonly truncated: boolean
}

export interface GuardedClient {
  readonly timeoutMs: number
  /** @throws {GuardError} if there is no complete answer in time; any status is an answer */
  request(request: GuardedRequest): Promise<GuardedResponse>
  /** Drops all connections. */
  close(): void
}

/** Makes a client with connections of its own. A process needs one. */
export function guardedClient(options: GuardOptions): GuardedClient {
  const { timeoutMs = 15_000, maxBodyBytes = 8 * 1024, resolver, clock, allowPrivate } = options
  const connections = new Connections({ resolver, allowPrivate, connectTimeoutMs: timeoutMs })
  return {
    timeoutMs,
    request: async (request) => {
      const url = checkUrl(request.url, allowPrivate)
      return await send({ connections, clock, url, request, maxBodyBytes, timeoutMs })
    },
    close: () => connections.close(cutShort()),
  }
}

type Exchange = {
  readonly connections: Connections
  readonly clock: Clock
  readonly url: URL
  readonly request: GuardedRequest
  readonly maxBodyBytes: number
  readonly timeoutMs: number
}

/** Uses an idle connection if there is one; if the other side has just closed it, sends once more on a new connection. */
async function send(exchange: Exchange): Promise<GuardedResponse> {
  const { connections, clock, url, timeoutMs } = exchange
  const until = clock.monotonic() + timeoutMs
  const idle = connections.takeIdle(url.origin)
  if (idle !== undefined) {
    try {
      return await sendOn(idle, exchange, until)
    } catch (error) {
      if (!(error instanceof UnansweredError)) throw error
    }
  }
  try {
    return await sendOn(connections.open(url.origin), exchange, until)
  } catch (error) {
    throw error instanceof UnansweredError ? guardErrorOf(error.cause as Error) : error
  }
}

/** @throws {UnansweredError} if the connection broke before anything of an answer came, otherwise {GuardError} */
async function sendOn(client: Client, exchange: Exchange, until: number): Promise<GuardedResponse> {
  const { connections, clock, url, request, maxBodyBytes, timeoutMs } = exchange
  const { method, headers, body = null, signal } = request
  const drop = (reason: Error) => connections.drop(client, reason)
  const cancel = clock.after(until - clock.monotonic(), () => drop(late(timeoutMs)))
  const abort = () => drop(cutShort())
  signal?.addEventListener('abort', abort, { once: true })
  try {
    if (signal?.aborted) throw cutShort()
    const response = await client
      .request({
        path: url.pathname + url.search,
        method,
        headers: { ...headers, ...basicAuthorization(url), 'accept-encoding': 'identity' },
        body,
      })
      .catch((error: Error) => Promise.reject(unanswered(error)))
    const content = await read(response.body, maxBodyBytes)
    if (content.truncated) drop(new Error('the body is too long'))
    else connections.keep(url.origin, client)
    return { status: response.statusCode, headers: response.headers, ...content }
  } catch (error) {
    drop(error as Error)
    throw error instanceof UnansweredError ? error : guardErrorOf(error as Error)
  } finally {
    cancel()
    signal?.removeEventListener('abort', abort)
  }
}

/** A user and a password in the URL go as HTTP's basic authentication (RFC 7617). */
function basicAuthorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {}
  const credentials = `${unescaped(username)}:${unescaped(password)}`
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Resolves with the body, or with its beginning as soon as there is more than `maxBytes`. */
function read(body: Readable, maxBytes: number): Promise<Pick<GuardedResponse, 'body' | 'truncated'>> {
  const chunks: Buffer[] = []
  let bytes = 0
  return new Promise((resolve, reject) => {
    const done = () => resolve({ body: Buffer.concat(chunks, Math.min(bytes, maxBytes)), truncated: bytes > maxBytes })
    body.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > maxBytes) done()
    })
    body.on('end', done)
    body.on('error', reject)
  })
}

const late = (timeoutMs: number) => new GuardError('timeout', `No answer within ${timeoutMs / 1000} s.`)
const cutShort = () => new GuardError('aborted', 'The request was cut short.')

class UnansweredError extends Error {}

const BROKEN = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']

/** Messages of undici for an interim answer that was not asked for (100, 101): the request has reached the other side. */
const ANSWERED = ['bad response', 'bad upgrade']

function unanswered(error: Error): Error {
  return BROKEN.includes(String((error as NodeJS.ErrnoException).code)) && !ANSWERED.includes(error.message)
    ? new UnansweredError('', { cause: error })
    : error
}

const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The connection was refused.',
  ECONNRESET: 'The connection was reset.',
  EPIPE: 'The connection was reset.',
  EHOSTUNREACH: 'The host is unreachable.',
  ENETUNREACH: 'The host is unreachable.',
  UND_ERR_SOCKET: 'The connection was closed without a whole answer.',
  UND_ERR_HEADERS_OVERFLOW: 'The headers of the answer are too large.',
}

/** The message may be shown to the user who gave the URL. */
function guardErrorOf(error: Error): GuardError {
  if (error instanceof GuardError) return error
  const code = 'code' in error ? String(error.code) : ''
  const tls = code.startsWith('ERR_TLS') || code.includes('CERT') || code.includes('SSL')
  const message = TEXTS[code] ?? (tls ? 'The TLS certificate or handshake failed.' : 'The connection failed.')
  return new GuardError('network', message, { cause: error })
}
