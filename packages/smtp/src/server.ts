import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { SecureContext, SecureContextOptions } from 'node:tls'
import { createSecureContext } from 'node:tls'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { NO_ERROR } from '@kabutar/core/ports/clock.ts'
import type { Ids } from '@kabutar/core/ports/ids.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Backend } from './backend.ts'
import { Connection } from './connection.ts'
import { ConnectionLimits } from './connection-limits.ts'
import type { SmtpLimits } from './limits.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { SHUTTING_DOWN, serveSession } from './serve-session.ts'
import type { Listener, Session } from './session.ts'
import { newSession } from './session.ts'
import { startTls } from './starttls.ts'

/** Octets that a connection reads ahead, and octets of replies that the client may leave unread. */
const HIGH_WATER_MARK = 16 * 1024
const BACKLOG = 1024

export interface SmtpOptions {
  /** Our name in the greeting, and the domain of `<postmaster>`. */
  readonly hostname: string
  readonly backend: Backend
  readonly log: Log
  readonly ids: Ids
  readonly clock: Clock
  /** Certificate and key, or a function that returns the context for a new connection. With it STARTTLS is offered. */
  readonly tls?: SecureContextOptions | (() => SecureContext)
  /** TLS from the first octet; needs `tls`. */
  readonly implicitTls?: boolean
  readonly limits?: Partial<SmtpLimits>
}

export interface SmtpServer {
  /** Starts to listen, once. Port 0 picks a free one. Rejects if the port is not available. */
  listen(host: string, port: number): Promise<AddressInfo>
  /**
   * Stops accepting connections, answers 421 to clients between messages, lets open transactions end, and destroys the
   * connections that are left after `deadlineMs`. A message that was cut has not been answered, so its client keeps it.
   */
  close(deadlineMs: number): Promise<void>
  /** Open connections. */
  readonly connections: number
}

/** Makes a server that accepts mail by SMTP (RFC 5321) and leaves every decision to the backend. It greets without delay. */
export function createSmtpServer(options: SmtpOptions): SmtpServer {
  const listener = listenerOf(options)
  const limits = new ConnectionLimits(listener.limits)
  const open = new Map<Session, Promise<void>>()
  const accept = (socket: Socket) => {
    const connection = new Connection(socket, listener.clock, listener.limits.lineBytes)
    const refusal = limits.admit(connection)
    if (refusal !== undefined) {
      listener.log.warn('smtp: connection refused', { remote: connection.remoteAddress, reason: refusal })
      return connection.refuse({ code: 421, status: '4.3.2', text: refusal })
    }
    const session = newSession(listener, connection)
    const leave = () => {
      open.delete(session)
      limits.release(connection)
    }
    open.set(session, serve(session, options.implicitTls === true).finally(leave))
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: HIGH_WATER_MARK }, accept)
  // Peers that are sent away stay a moment to read the reply; beyond this many a new connection gets none.
  server.maxConnections = 2 * listener.limits.connections
  return {
    listen: (host, port) => listening(server, host, port),
    close: (deadlineMs) => closing(server, listener.clock, open, deadlineMs),
    get connections() {
      return limits.size
    },
  }
}

function listenerOf(options: SmtpOptions): Listener {
  const { hostname, backend, log, ids, clock, tls } = options
  if (options.implicitTls && !tls) throw new Error('implicit TLS needs a certificate')
  const secureContext = tls && contextOf(tls)
  return { hostname, backend, log, ids, clock, secureContext, limits: { ...DEFAULT_LIMITS, ...options.limits } }
}

function contextOf(tls: SecureContextOptions | (() => SecureContext)): () => SecureContext {
  if (typeof tls === 'function') return tls
  const context = createSecureContext({ minVersion: 'TLSv1.2', ...tls })
  return () => context
}

async function serve(session: Session, implicitTls: boolean): Promise<void> {
  if (implicitTls) await startTls(session)
  await serveSession(session)
  await session.connection.closed
}

function listening(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve(server.address() as AddressInfo)
    })
  })
}

async function closing(
  server: Server,
  clock: Clock,
  open: ReadonlyMap<Session, Promise<void>>,
  deadlineMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  for (const session of open.keys()) {
    session.closing = true
    const isIdle = session.transaction === undefined && session.connection.restingMs !== undefined
    if (isIdle) session.connection.close(SHUTTING_DOWN)
  }
  const ended = new AbortController()
  const all = Promise.allSettled([closed, ...open.values()]).then(() => ended.abort(NO_ERROR))
  await Promise.race([all, clock.sleep(deadlineMs, ended.signal)])
  for (const { connection } of open.keys()) connection.destroy()
}
