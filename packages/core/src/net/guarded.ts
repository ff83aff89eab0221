/**
 * Requests to URLs that users gave us. The address is checked when connecting, on the answers that the connection then
 * uses, so a name can't be checked under one address and reached under another; pooled sockets were checked when they
 * were opened. Redirects are an answer like any other, nothing is decompressed, no proxy of the environment is used,
 * and every wait and size has a bound. Built on undici's dispatcher: a third of the CPU of node:http, a sixth of fetch.
 */
import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { buildConnector, Client } from 'undici'
import type { Address, Resolver } from '../ports/resolver.ts'
import { mayConnect } from './address.ts'
import { Answer, carried, type GuardedResponse, guardErrorOf, StaleConnection } from './answer.ts'
import { Connections } from './connections.ts'
import { blocked, checkUrl, GuardError } from './url.ts'

export type GuardOptions = {
  readonly resolver: Resolver
  /** Private and loopback addresses and plain http too: development. Never link-local, metadata or multicast. */
  readonly allowPrivate: boolean
  /** For look-up, connection, headers and body together. @default 15000 */
  readonly timeoutMs?: number
  /** After so many bytes of the body the connection is dropped. @default 8192, less than one read */
  readonly maxBodyBytes?: number
}
export type GuardedRequest = {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
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
/** Beside the body: an answer that is too long shows it with the first read. */
const READ_HEADER_BYTES = 2 * 1024

/** One client per process: it owns the pool of connections. */
export function guardedClient(options: GuardOptions): GuardedClient {
  const limits = { timeoutMs: 15_000, maxBodyBytes: 8 * 1024, ...options }
  let opening: Promise<Route> | undefined
  let opened: Route | undefined
  const route = async () => {
    opening ??= openRoute(limits)
    opened = await opening
    return opened
  }
  return {
    timeoutMs: limits.timeoutMs,
    ready: async () => void (opened ?? (await route())),
    request: (request) =>
      opened ? exchange(request, opened, limits) : route().then((made) => exchange(request, made, limits)),
    close: () => void opening?.then(({ connections }) => connections.close()),
  }
}

type Route = { readonly connections: Connections; target(url: string): Target }
type Target = { readonly origin: string; readonly path: string }

/** undici is loaded with the first request, and of it what is used: a process which makes none needn't start with it. */
async function openRoute(limits: Limits): Promise<Route> {
  const { default: HttpClient } = await import('undici/lib/dispatcher/client.js')
  const { default: build } = await import('undici/lib/core/connect.js')
  const connect = connector(build, limits)
  /** The timer of a request bounds them all, so undici's own are off. */
  const open = (origin: string) =>
    new HttpClient(origin, {
      connect,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    })
  return { connections: new Connections(open), target: targets(limits.allowPrivate) }
}

const MAX_TARGETS = 1000

/** URLs as they were checked, since an endpoint's comes with each of its events. Forgotten all at once. */
function targets(allowPrivate: boolean): (url: string) => Target {
  const known = new Map<string, Target>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const { origin, pathname, search } = checkUrl(text, allowPrivate)
    const target = { origin, path: pathname + search }
    if (known.size >= MAX_TARGETS) known.clear()
    known.set(text, target)
    return target
  }
}

function connector(build: typeof buildConnector, limits: Limits): buildConnector.connector {
  const onread = { buffer: Buffer.allocUnsafe(limits.maxBodyBytes + READ_HEADER_BYTES), callback: pushCopy }
  const connect = build({ lookup: guardedLookup(limits), timeout: limits.timeoutMs, onread })
  return (options, callback) =>
    connect(options, (...result) => {
      const [, socket] = result
      socket?.on('error', (error) => carried.set(error, socket.bytesRead))
      callback(...result)
    })
}

/**
 * Sockets read into one buffer and keep a copy of what came. By itself each read makes a buffer of 64 KB, and an endpoint
 * that sends without end fills it: garbage outside of the heap, for which the whole process is stopped again and again.
 */
function pushCopy(this: Socket, bytes: number, buffer: Uint8Array): boolean {
  return this.push(Buffer.from(buffer.subarray(0, bytes)))
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

/** A kept connection may have been closed by the other side a moment ago: then once more on a new one. */
async function exchange(request: GuardedRequest, { connections, target }: Route, limits: Limits) {
  const to = target(request.url)
  const until = performance.now() + limits.timeoutMs
  try {
    return await once(to, request, limits, connections, connections.take(to.origin), until)
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error
    try {
      return await once(to, request, limits, connections, connections.fresh(to.origin), until)
    } catch (again) {
      throw again instanceof StaleConnection ? guardErrorOf(again.cause as Error) : again
    }
  }
}

function once(
  { origin, path }: Target,
  { method, headers, body, signal }: GuardedRequest,
  limits: Limits,
  connections: Connections,
  client: Client,
  until: number,
): Promise<GuardedResponse> {
  const answer = new Answer(limits.maxBodyBytes)
  const late = () => answer.fail(new GuardError('timeout', `No answer within ${limits.timeoutMs / 1000} s.`))
  const timer = setTimeout(late, until - performance.now())
  const running = signal && runningUnder(signal)
  running?.add(answer)
  answer.onEnd = (reusable) => {
    clearTimeout(timer)
    running?.delete(answer)
    if (reusable) connections.keep(origin, client)
    else connections.drop(client)
  }
  if (signal?.aborted) answer.fail(cutShort())
  else
    client.dispatch(
      { path, method, headers: { ...headers, 'accept-encoding': 'identity' }, body: body ?? null },
      answer,
    )
  return answer.whole
}

const cutShort = () => new GuardError('aborted', 'The request was cut short.')

/** Requests of one signal share a listener: one for each costs as much as a timer. */
const running = new WeakMap<AbortSignal, Set<Answer>>()

function runningUnder(signal: AbortSignal): Set<Answer> {
  const known = running.get(signal)
  if (known !== undefined) return known
  const answers = new Set<Answer>()
  running.set(signal, answers)
  signal.addEventListener('abort', () => [...answers].forEach((answer) => void answer.fail(cutShort())), { once: true })
  return answers
}
