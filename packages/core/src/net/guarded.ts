/**
 * Requests to URLs that users gave us. The address is checked when connecting, on the answers that the connection then
 * uses, so a name can't be checked under one address and reached under another; pooled sockets were checked when they
 * were opened. Redirects are an answer like any other, nothing is decompressed, no proxy of the environment is used,
 * and every wait and size has a bound. Built on undici's dispatcher: a third of the CPU of node:http, a sixth of fetch.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { isIP, type LookupFunction } from 'node:net'
import type { Agent, buildConnector, Dispatcher } from 'undici'
import type { Address, Resolver } from '../ports/resolver.ts'
import { mayConnect } from './address.ts'
import { blocked, checkUrl, GuardError } from './url.ts'

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
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The body went on past the bound. */
  readonly truncated: boolean
}

export interface GuardedClient {
  readonly timeoutMs: number
  /** Loads what the first request would load, so that its time is no request's. */
  ready(): Promise<void>
  /** @throws {GuardError} if there is no complete answer in time; any status is an answer */
  request(request: GuardedRequest): Promise<GuardedResponse>
  /** Drops all connections. */
  close(): void
}

type Limits = Required<GuardOptions>

const IDLE_MS = 30_000
const MAX_HEADER_BYTES = 16 * 1024

/** One client per process: it owns the pool of connections. */
export function guardedClient(options: GuardOptions): GuardedClient {
  const limits = { timeoutMs: 15_000, maxBodyBytes: 64 * 1024, ...options }
  let opening: Promise<Route> | undefined
  const route = () => {
    opening ??= openRoute(limits)
    return opening
  }
  return {
    timeoutMs: limits.timeoutMs,
    ready: async () => void (await route()),
    request: async (request) => exchange(request, await route(), limits),
    close: () => void opening?.then(({ pool }) => drop(pool)),
  }
}

type Route = { readonly pool: Agent; open(): Agent }

/** undici is loaded with the first request: half a megabyte that a process which makes none needn't start with. */
async function openRoute(limits: Limits): Promise<Route> {
  // A bundler gives a CommonJS module's exports as its default alone.
  const { default: undici } = await import('undici')
  const connect = connector(undici.buildConnector, limits)
  /** The timer of a request bounds them all, so undici's own are off. */
  const open = () =>
    new undici.Agent({
      connect,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    })
  return { pool: open(), open }
}

/** Bytes that a connection had carried to us before it broke, by its error. */
const carried = new WeakMap<Error, number>()

function connector(build: typeof buildConnector, limits: Limits): buildConnector.connector {
  const connect = build({ lookup: guardedLookup(limits), timeout: limits.timeoutMs })
  return (options, callback) =>
    connect(options, (...result) => {
      const [, socket] = result
      socket?.on('error', (error) => carried.set(error, socket.bytesRead))
      callback(...result)
    })
}

function drop(agent: Agent): void {
  agent.destroy().catch(() => undefined)
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
async function exchange(request: GuardedRequest, { pool, open }: Route, limits: Limits): Promise<GuardedResponse> {
  const url = checkUrl(request.url, limits.allowPrivate)
  const until = performance.now() + limits.timeoutMs
  try {
    return await once(url, request, limits, pool, limits.timeoutMs)
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error
    const fresh = open()
    try {
      return await once(url, request, limits, fresh, until - performance.now())
    } catch (again) {
      throw again instanceof StaleConnection ? guardErrorOf(again.cause as Error) : again
    } finally {
      drop(fresh)
    }
  }
}

class StaleConnection extends Error {}

const BROKEN = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']

/** The connection had carried something to us, most likely the answer before. */
function brokeWhileKept(error: Error): boolean {
  const { code, socket } = error as {
    readonly code?: unknown
    readonly socket?: { readonly bytesRead?: number } | null
  }
  return BROKEN.includes(String(code)) && (carried.get(error) ?? socket?.bytesRead ?? 0) > 0
}

async function once(
  url: URL,
  request: GuardedRequest,
  limits: Limits,
  agent: Agent,
  timeoutMs: number,
): Promise<GuardedResponse> {
  const answer = new Answer(limits.maxBodyBytes)
  const onAbort = () => answer.fail(new GuardError('aborted', 'The request was cut short.'))
  if (request.signal?.aborted) onAbort()
  const late = () => answer.fail(new GuardError('timeout', `No answer within ${limits.timeoutMs / 1000} s.`))
  const timer = setTimeout(late, timeoutMs)
  request.signal?.addEventListener('abort', onAbort)
  try {
    agent.dispatch(optionsOf(url, request), answer)
    return await answer.whole
  } finally {
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', onAbort)
  }
}

function optionsOf(url: URL, { method, headers, body }: GuardedRequest): Dispatcher.DispatchOptions {
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: { ...headers, 'accept-encoding': 'identity' },
    body: body ?? null,
  }
}

/** Gathers what comes for one request, up to its bound. */
class Answer implements Dispatcher.DispatchHandler {
  readonly whole: Promise<GuardedResponse>
  readonly #maxBytes: number
  readonly #resolve: (response: GuardedResponse) => void
  readonly #reject: (error: Error) => void
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #controller: Dispatcher.DispatchController | undefined
  #failure: GuardError | undefined

  constructor(maxBytes: number) {
    const { promise, resolve, reject } = Promise.withResolvers<GuardedResponse>()
    this.whole = promise
    this.#maxBytes = maxBytes
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Gives up; a connection that the request has by now or gets later is dropped. */
  fail(error: GuardError): void {
    this.#failure = error
    this.#reject(error)
    this.#controller?.abort(error)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#failure) controller.abort(this.#failure)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: object): void {
    this.#status = status
    this.#headers = headers as IncomingHttpHeaders
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes <= this.#maxBytes) return
    this.#done(true)
    controller.abort(new Error('the body is too large'))
  }

  onResponseEnd(): void {
    this.#done(false)
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#reject(
      this.#status === 0 && brokeWhileKept(error) ? new StaleConnection('', { cause: error }) : guardErrorOf(error),
    )
  }

  #done(truncated: boolean): void {
    const body = Buffer.concat(this.#chunks).subarray(0, this.#maxBytes)
    this.#resolve({ status: this.#status, headers: this.#headers, body, truncated })
  }
}

const SAYING: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'The connection was refused.',
  ECONNRESET: 'The connection was reset.',
  EPIPE: 'The connection was reset.',
  EHOSTUNREACH: 'The host is unreachable.',
  ENETUNREACH: 'The host is unreachable.',
  UND_ERR_SOCKET: 'The connection was closed without a whole answer.',
  UND_ERR_HEADERS_OVERFLOW: 'The headers of the answer are too large.',
}

function guardErrorOf(error: Error): GuardError {
  if (error instanceof GuardError) return error
  const code = 'code' in error ? String(error.code) : ''
  const tls = code.startsWith('ERR_TLS') || code.includes('CERT') || code.includes('SSL')
  const message = SAYING[code] ?? (tls ? 'The TLS certificate or handshake failed.' : 'The connection failed.')
  return new GuardError('network', message, { cause: error })
}
