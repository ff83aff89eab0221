import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '@kabutar/core/ports/clock.ts'

/** Requests of one connection that may wait for their answers; clients that pipeline at all send fewer. */
const MAX_UNANSWERED = 32
/** An address that sent more is refused for so long. */
const REFUSED_MS = 10_000
/** The address that was refused first is forgotten beyond this. */
const MAX_REFUSED = 10_000

/**
 * Bounds the requests that a connection sends without reading its answers (RFC 9112 section 9.3.2). Node takes all that one
 * read holds, which is 1,400 short requests, before it serves anybody else. So an address that passes the bound loses its
 * connections and is refused for ten seconds.
 */
export class PipeliningLimit {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #open = new Map<string, Set<Socket>>()
  readonly #refused = new Map<string, number>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Takes a new connection, or closes it. */
  admit(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    const until = this.#refused.get(address)
    if (until !== undefined && this.#clock.monotonic() < until) return void socket.destroy()
    this.#refused.delete(address)
    const sockets = this.#open.get(address) ?? new Set()
    this.#open.set(address, sockets.add(socket))
    socket.once('close', () => {
      sockets.delete(socket)
      if (sockets.size === 0 && this.#open.get(address) === sockets) this.#open.delete(address)
    })
  }

  /** Gives the listener each request that stays within the bound. */
  bound(listener: RequestListener): RequestListener {
    const unanswered = new WeakMap<Socket, number>()
    return (request, response) => {
      const { socket } = request
      const count = (unanswered.get(socket) ?? 0) + 1
      if (count > MAX_UNANSWERED) this.#refuse(socket)
      if (socket.destroyed) return
      unanswered.set(socket, count)
      response.once('close', () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1))
      listener(request, response)
    }
  }

  #refuse(socket: Socket): void {
    const address = socket.remoteAddress ?? ''
    socket.destroy()
    for (const other of this.#open.get(address) ?? []) other.destroy()
    this.#refused.set(address, this.#clock.monotonic() + REFUSED_MS)
    if (this.#refused.size > MAX_REFUSED) this.#refused.delete(this.#refused.keys().next().value ?? '')
  }
}
