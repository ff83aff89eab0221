import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { GuardError } from './url.ts'

export type GuardedResponse = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The body went on past the bound. */
  readonly truncated: boolean
}

/** Bytes that a connection had carried to us before it broke, by its error. */
export const carried = new WeakMap<Error, number>()

/** A pooled connection broke before it answered: most likely the other side had closed it a moment ago. */
export class StaleConnection extends Error {}

const BROKEN = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']

/** The connection had carried something to us, most likely the answer before. */
function brokeWhileKept(error: Error): boolean {
  const { code, socket } = error as {
    readonly code?: unknown
    readonly socket?: { readonly bytesRead?: number } | null
  }
  return BROKEN.includes(String(code)) && (carried.get(error) ?? socket?.bytesRead ?? 0) > 0
}

/** Gathers what comes for one request, up to its bound. */
export class Answer implements Dispatcher.DispatchHandler {
  readonly whole: Promise<GuardedResponse>
  /** Called once, when it is known how the request ended: may its connection have another? */
  onEnd: (reusable: boolean) => void = () => undefined
  readonly #maxBytes: number
  readonly #resolve: (response: GuardedResponse) => void
  readonly #reject: (error: Error) => void
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #status = 0
  #headers: IncomingHttpHeaders = {}
  #ended = false

  constructor(maxBytes: number) {
    const { promise, resolve, reject } = Promise.withResolvers<GuardedResponse>()
    this.whole = promise
    this.#maxBytes = maxBytes
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Gives up. */
  fail(error: GuardError): void {
    this.#reject(error)
    this.#end(false)
  }

  onRequestStart(): void {}

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: object): void {
    this.#status = status
    this.#headers = headers as IncomingHttpHeaders
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.#done(true)
  }

  onResponseEnd(): void {
    this.#done(false)
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    // Its connection was dropped when there was enough of it.
    if (this.#ended) return
    this.#reject(
      this.#status === 0 && brokeWhileKept(error) ? new StaleConnection('', { cause: error }) : guardErrorOf(error),
    )
    this.#end(false)
  }

  #done(truncated: boolean): void {
    const [first] = this.#chunks
    const length = Math.min(this.#bytes, this.#maxBytes)
    const body =
      first !== undefined && first.length >= length ? first.subarray(0, length) : Buffer.concat(this.#chunks, length)
    this.#resolve({ status: this.#status, headers: this.#headers, body, truncated })
    this.#end(!truncated)
  }

  #end(reusable: boolean): void {
    if (this.#ended) return
    this.#ended = true
    this.onEnd(reusable)
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

/** In words that may be shown to who gave the URL. */
export function guardErrorOf(error: Error): GuardError {
  if (error instanceof GuardError) return error
  const code = 'code' in error ? String(error.code) : ''
  const tls = code.startsWith('ERR_TLS') || code.includes('CERT') || code.includes('SSL')
  const message = SAYING[code] ?? (tls ? 'The TLS certificate or handshake failed.' : 'The connection failed.')
  return new GuardError('network', message, { cause: error })
}
