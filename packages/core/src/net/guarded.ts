/**
 * Requests to URLs that users gave us. The address is checked when connecting, on the answers that the connection then
 * uses, so a name can't be checked under one address and reached under another; pooled sockets were checked when they
 * were opened. Redirects are an answer like any other, nothing is decompressed, no proxy of the environment is used,
 * and every wait and size has a bound. Built on node:http: a third of the CPU of fetch.
 */
import http from 'node:http'
import https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Address, Resolver } from '../ports/resolver.ts'
import { mayConnect } from './address.ts'
import { blocked, checkUrl, GuardError, hostOf } from './url.ts'

export type GuardOptions = {
  readonly resolver: Resolver
  /** Private and loopback addresses and plain http too: development. Never link-local, metadata or multicast. */
  readonly allowPrivate: boolean
  /** For look-up, connection, headers and body together. @default 15000 */
  readonly timeoutMs?: number
  /** After so many bytes of the body the connection is dropped. @default 65536 */
  readonly maxBodyBytes?: number
}
export type GuardedRequest = {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}
export type GuardedResponse = {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
  /** The body went on past the bound. */
  readonly truncated: boolean
}

export interface GuardedClient {
  readonly timeoutMs: number
  /** @throws {GuardError} if there is no complete answer in time; any status is an answer */
  request(request: GuardedRequest): Promise<GuardedResponse>
  /** Drops all connections. */
  close(): void
}

type Limits = Required<GuardOptions>
type Pool = { readonly http: http.Agent; readonly https: https.Agent; readonly lookup: LookupFunction }

const POOL = { keepAlive: true, maxFreeSockets: 32, scheduling: 'lifo', timeout: 30_000 } as const

/** One client per process: it owns the pool of connections. */
export function guardedClient(options: GuardOptions): GuardedClient {
  const limits = { timeoutMs: 15_000, maxBodyBytes: 64 * 1024, ...options }
  const lookup = guardedLookup(limits)
  const pool: Pool = { http: new http.Agent(POOL), https: new https.Agent(POOL), lookup }
  return {
    timeoutMs: limits.timeoutMs,
    request: (request) => exchange(request, pool, limits),
    close: () => {
      pool.http.destroy()
      pool.https.destroy()
    },
  }
}

/**
 * Answers only if every address may be connected to. Look-ups of one name at the same time share one answer: the
 * system's resolver has few threads, and a dead name server of one endpoint must not hold them all.
 */
function guardedLookup({ resolver, allowPrivate }: Limits): LookupFunction {
  const running = new Map<string, Promise<readonly Address[]>>()
  const resolve = (hostname: string) => {
    const found = running.get(hostname) ?? resolver.lookup(hostname).finally(() => running.delete(hostname))
    running.set(hostname, found)
    return found
  }
  return (hostname, options, callback) => {
    resolve(hostname).then(
      (answers) => {
        const [first] = answers
        const allowed = answers.every(({ address }) => isIP(address) && mayConnect(address, allowPrivate))
        if (first === undefined || !allowed) return callback(blocked(), '', 0)
        if (options.all) return callback(null, [...answers])
        callback(null, first.address, first.family)
      },
      (cause) => callback(new GuardError('network', 'The host name has no address.', { cause }), '', 0),
    )
  }
}

/** A pooled connection may have been closed by the other side a moment ago: then once more on a new one. */
async function exchange(request: GuardedRequest, pool: Pool, limits: Limits): Promise<GuardedResponse> {
  const url = checkUrl(request.url, limits.allowPrivate)
  const until = performance.now() + limits.timeoutMs
  const agent = url.protocol === 'https:' ? pool.https : pool.http
  try {
    return await once(url, request, limits, { agent, lookup: pool.lookup, timeoutMs: limits.timeoutMs })
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error
    const timeoutMs = until - performance.now()
    return once(url, request, limits, { agent: false, lookup: pool.lookup, timeoutMs })
  }
}

class StaleConnection extends Error {}

type Route = { readonly agent: http.Agent | false; readonly lookup: LookupFunction; readonly timeoutMs: number }

function once(url: URL, request: GuardedRequest, limits: Limits, route: Route): Promise<GuardedResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<GuardedResponse>()
  const send = (url.protocol === 'https:' ? https : http).request({
    method: request.method,
    protocol: url.protocol,
    hostname: hostOf(url),
    port: url.port,
    path: url.pathname + url.search,
    headers: headersOf(request),
    agent: route.agent,
    lookup: route.lookup,
    maxHeaderSize: 16 * 1024,
  })
  const fail = (error: Error) => {
    reject(error)
    send.destroy()
  }
  const seconds = limits.timeoutMs / 1000
  const timer = setTimeout(() => fail(new GuardError('timeout', `No answer within ${seconds} s.`)), route.timeoutMs)
  const onAbort = () => fail(new GuardError('aborted', 'The request was cut short.'))
  if (request.signal?.aborted) onAbort()
  request.signal?.addEventListener('abort', onAbort)
  let answered = false
  send.on('error', (error) => reject(send.reusedSocket && !answered ? new StaleConnection() : guardErrorOf(error)))
  send.on('response', (response) => {
    answered = true
    bodyOf(response, limits.maxBodyBytes).then(resolve, (error) => fail(guardErrorOf(error)))
  })
  send.on('close', () => answered || reject(new GuardError('network', 'The connection was closed without an answer.')))
  send.end(request.body)
  return promise.finally(() => {
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', onAbort)
  })
}

function headersOf({ headers, body }: GuardedRequest): Record<string, string | number> {
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  return { ...headers, ...length, 'accept-encoding': 'identity' }
}

function bodyOf(response: http.IncomingMessage, maxBytes: number): Promise<GuardedResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<GuardedResponse>()
  const chunks: Buffer[] = []
  let bytes = 0
  const done = (truncated: boolean) => {
    const body = Buffer.concat(chunks).subarray(0, maxBytes)
    resolve({ status: response.statusCode ?? 0, headers: response.headers, body, truncated })
  }
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes <= maxBytes) return
    done(true)
    response.destroy()
  })
  response.on('end', () => done(false))
  response.on('error', reject)
  response.on('close', () => reject(new GuardError('network', 'The connection was closed within the answer.')))
  return promise
}

const SAYING: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The connection was refused.',
  ECONNRESET: 'The connection was reset.',
  EPIPE: 'The connection was reset.',
  EHOSTUNREACH: 'The host is unreachable.',
  ENETUNREACH: 'The host is unreachable.',
  HPE_HEADER_OVERFLOW: 'The headers of the answer are too large.',
}

function guardErrorOf(error: Error): GuardError {
  if (error instanceof GuardError) return error
  const code = 'code' in error ? String(error.code) : ''
  const tls = code.startsWith('ERR_TLS') || code.includes('CERT') || code.includes('SSL')
  const message = SAYING[code] ?? (tls ? 'The TLS certificate or handshake failed.' : 'The connection failed.')
  return new GuardError('network', message, { cause: error })
}
