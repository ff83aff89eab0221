import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Certificate } from './certificate.ts'
import { listenError } from './listen-error.ts'
import { PipeliningLimit } from './pipelining.ts'
import { type Address, hostText } from './settings-values.ts'

/** Answers a request; `env.incoming` is Node's form of it. */
type Fetch = (request: Request, env: HttpBindings) => Response | Promise<Response>
type HttpListener = {
  readonly url: string
  /** The address that is bound, as the system says. */
  readonly address: Address
  /** Answers requests with `fetch` from now on. Until then they are answered 503. */
  serve(fetch: Fetch): void
  /** Uses the certificate as it is now for new connections. */
  renewCertificate(): void
  /** Stops listening, lets running requests finish, and cuts those that last longer than `deadlineMs`. */
  close(deadlineMs: number): Promise<void>
}

const HANDSHAKE_TIMEOUT_MS = 10_000
const SHORT_BODY_BYTES = 64 * 1024

const starting = () =>
  Response.json({ statusCode: 503, name: 'service_unavailable', message: 'Starting' }, { status: 503 })

/**
 * Listens before there is anything to serve, because signed links carry the address that was bound. With a certificate
 * it speaks HTTPS only.
 * @throws {SettingsError} if it can't listen there
 */
export async function listenHttp(
  { host, port }: Address,
  clock: Clock,
  { certificate, maxConnections }: { readonly certificate?: Certificate | undefined; readonly maxConnections: number },
): Promise<HttpListener> {
  let answer: Fetch = starting
  const server = createServer((request, env) => answer(request, env), clock, certificate)
  server.maxConnections = maxConnections
  server.listen(port, host)
  await once(server, 'listening').catch((cause) => {
    throw listenError('KABUTAR_HTTP', { host, port }, cause)
  })
  const address = server.address() as AddressInfo
  return {
    address: { host: address.address, port: address.port },
    url: `${certificate === undefined ? 'http' : 'https'}://${hostText(host)}:${address.port}`,
    serve(fetch) {
      answer = fetch
    },
    renewCertificate() {
      if (certificate !== undefined) (server as HttpsServer).setSecureContext(tlsOptions(certificate))
    },
    async close(deadlineMs) {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const cancel = clock.after(deadlineMs, () => server.closeAllConnections())
      await closed
      cancel()
    },
  }
}

/** Peers that send half a request are dropped after 15 to 20 s, and slow bodies after 5 minutes. */
const TIMEOUTS = { headersTimeout: 15_000, requestTimeout: 300_000, connectionsCheckingInterval: 5000 }

function createServer(answer: Fetch, clock: Clock, certificate: Certificate | undefined): HttpServer | HttpsServer {
  const pipelining = new PipeliningLimit(clock)
  const answering = getRequestListener((request, env) => answer(request, env as HttpBindings), { hostname: NO_HOST })
  const listener = pipelining.bound((incoming, outgoing) => {
    // Nothing reads such a body, and Node would do so to its end before the next request of the connection.
    if (isBodyInVain(incoming)) outgoing.shouldKeepAlive = false
    return answering(incoming, outgoing)
  })
  const server =
    certificate === undefined
      ? createHttpServer(TIMEOUTS, listener)
      : createHttpsServer({ ...TIMEOUTS, ...tlsOptions(certificate), handshakeTimeout: HANDSHAKE_TIMEOUT_MS }, listener)
  return server.on('connection', (socket: Socket) => pipelining.admit(socket))
}

/**
 * True for a body of GET or HEAD that is not short: it has no meaning (RFC 9110 section 9.3.1). What is left of other bodies
 * when their request is answered, the listener reads for 500 ms and then closes the connection.
 */
function isBodyInVain({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > SHORT_BODY_BYTES
}

/** The name in the URL of a request in HTTP/1.0 without a Host field, as load balancers ask for GET /health. */
const NO_HOST = 'localhost'

const tlsOptions = ({ pem }: Certificate) => ({ ...pem, minVersion: 'TLSv1.2' }) as const
