import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { SecureContext, SecureContextOptions } from 'node:tls'
import { createSecureContext } from 'node:tls'
import type { Ids } from '@kabutar/core/ports/ids.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Backend } from './backend.ts'
import { converse, SHUTTING_DOWN } from './converse.ts'
import { Crowd } from './crowd.ts'
import type { Dialogue, Listener } from './dialogue.ts'
import { newDialogue } from './dialogue.ts'
import type { Limits } from './limits.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { plainAddress } from './network.ts'
import { serialize } from './replies.ts'
import { secure } from './starttls.ts'
import { Wire } from './wire.ts'

/** Of messages that are still coming and may turn out small; with more of them, the next ones are streamed at once. */
const GATHERED_BYTES = 4 * 1024 * 1024

export interface SmtpOptions {
  /** Our name in the greeting, and the domain of `<postmaster>`. */
  readonly hostname: string
  readonly backend: Backend
  readonly log: Log
  readonly ids: Ids
  /** Certificate and key, or a function that returns the context for a new connection. With it STARTTLS is offered. */
  readonly tls?: SecureContextOptions | (() => SecureContext)
  /** TLS from the first octet; needs `tls`. */
  readonly implicitTls?: boolean
  readonly limits?: Partial<Limits>
}

export interface SmtpServer {
  /** Starts to listen, once. Rejects if the port can't be had. Port 0 picks one. */
  listen(host: string, port: number): Promise<AddressInfo>
  /**
   * Accepts no more connections, tells 421 to those between messages, lets transactions under way end, and cuts what is
   * left after `deadlineMs`. A message that was cut has not been answered, so its sender keeps it.
   */
  close(deadlineMs: number): Promise<void>
  /** Connections that are served now. */
  readonly connections: number
}

/** Accepts mail by SMTP (RFC 5321) and hands every decision to the backend. Speaks first, without delay. */
export function createSmtpServer(options: SmtpOptions): SmtpServer {
  const listener = listenerOf(options)
  const { crowd, limits } = listener
  const open = new Map<Dialogue, Promise<void>>()
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
    const remoteAddress = plainAddress(socket.remoteAddress)
    const dialogue = dialogueOn(socket, listener, remoteAddress)
    const refusal = crowd.refusal(remoteAddress)
    if (refusal !== undefined) {
      listener.log.warn('smtp: connection refused', { remote: remoteAddress, reason: refusal })
      return dialogue.wire.hangUp(`421 4.3.2 ${refusal}\r\n`)
    }
    crowd.enter(dialogue)
    const leave = () => {
      open.delete(dialogue)
      crowd.leave(dialogue)
    }
    open.set(dialogue, serve(dialogue, options.implicitTls === true).finally(leave))
  })
  // Those sent away stay a moment to read why; beyond this many nobody is told anything.
  server.maxConnections = 2 * limits.connections
  return {
    listen: (host, port) => listening(server, host, port),
    close(deadlineMs) {
      crowd.dismiss()
      return closing(server, open, deadlineMs)
    },
    get connections() {
      return crowd.size
    },
  }
}

function listenerOf(options: SmtpOptions): Listener {
  const { hostname, backend, log, ids, tls } = options
  if (options.implicitTls && !tls) throw new Error('implicit TLS needs a certificate')
  const secureContext = tls && contextOf(tls)
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const shared = { limits, crowd: new Crowd(limits), room: { bytes: GATHERED_BYTES } }
  return { hostname, backend, log, ids, secureContext, ...shared }
}

function contextOf(tls: SecureContextOptions | (() => SecureContext)): () => SecureContext {
  if (typeof tls === 'function') return tls
  const context = createSecureContext({ minVersion: 'TLSv1.2', ...tls })
  return () => context
}

function dialogueOn(socket: Socket, listener: Listener, remoteAddress: string): Dialogue {
  const wire: Wire = new Wire(socket, listener.limits.lineBytes, () => wire.hangUp('421 4.4.2 Timeout\r\n'))
  return newDialogue(listener, wire, remoteAddress)
}

async function serve(dialogue: Dialogue, implicitTls: boolean): Promise<void> {
  if (!implicitTls || (await secure(dialogue))) await converse(dialogue)
  await dialogue.wire.closed
}

function listening(server: Server, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 1024 }, () => {
      server.off('error', reject)
      resolve(server.address() as AddressInfo)
    })
  })
}

async function closing(server: Server, open: ReadonlyMap<Dialogue, Promise<void>>, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  for (const dialogue of open.keys()) {
    dialogue.closing = true
    if (dialogue.transaction === undefined && dialogue.wire.waitedMs !== undefined)
      dialogue.wire.hangUp(serialize(SHUTTING_DOWN))
  }
  const { promise: cut, resolve: give } = Promise.withResolvers<void>()
  const deadline = setTimeout(() => {
    for (const dialogue of open.keys()) dialogue.wire.destroy()
    give()
  }, deadlineMs)
  await Promise.race([Promise.allSettled([closed, ...open.values()]), cut])
  clearTimeout(deadline)
}
