import { isIP, type LookupFunction } from 'node:net'
import { buildConnector, Client } from 'undici'
import type { Address, Resolver } from '../ports/resolver.ts'
import { mayConnect } from './address.ts'
import { blocked, GuardError } from './url.ts'

type ConnectionOptions = {
  readonly resolver: Resolver
  readonly allowPrivate: boolean
  readonly connectTimeoutMs: number
}

const IDLE_MS = 30_000
const MAX_HEADER_BYTES = 16 * 1024

/**
 * Keeps connections for reuse, each with one request at a time. `Client` of undici is one connection; undici's `Pool` is
 * not used, since it opens another connection as soon as a request is cut short and can't tell whether one is new.
 */
export class Connections {
  readonly #idle = new Map<string, Client[]>()
  readonly #all = new Set<Client>()
  readonly #connect: buildConnector.connector

  constructor({ resolver, allowPrivate, connectTimeoutMs }: ConnectionOptions) {
    this.#connect = buildConnector({ lookup: guardedLookup(resolver, allowPrivate), timeout: connectTimeoutMs })
  }

  /** Returns the connection that was used last, which the other side is least likely to have closed. */
  takeIdle(origin: string): Client | undefined {
    return this.#idle.get(origin)?.pop()
  }

  /** Connects with the first request. The caller bounds its time, so undici's own timers are off. */
  open(origin: string): Client {
    const client = new Client(origin, {
      connect: this.#connect,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    })
    this.#all.add(client)
    client.on('disconnect', () => this.#forgetIdle(origin, client))
    return client
  }

  keep(origin: string, client: Client): void {
    if (!this.#all.has(client)) return
    const idle = this.#idle.get(origin)
    if (idle === undefined) this.#idle.set(origin, [client])
    else idle.push(client)
  }

  /** Closes the connection; a request that uses it ends with `reason`. */
  drop(client: Client, reason: Error): void {
    this.#all.delete(client)
    client.destroy(reason).catch(() => undefined)
  }

  close(reason: Error): void {
    for (const client of this.#all) this.drop(client, reason)
    this.#idle.clear()
  }

  #forgetIdle(origin: string, client: Client): void {
    const idle = this.#idle.get(origin)
    const at = idle?.indexOf(client) ?? -1
    if (idle === undefined || at < 0) return
    idle.splice(at, 1)
    if (idle.length === 0) this.#idle.delete(origin)
    this.drop(client, new Error('closed by the other side'))
  }
}

/**
 * Answers only if every address of the name may be connected to. The connection uses this very answer, so a name cannot
 * be checked under one address and reached under another. Concurrent look-ups of one name share one answer: the
 * system's resolver has few threads, and one dead name server must not hold them all.
 */
function guardedLookup(resolver: Resolver, allowPrivate: boolean): LookupFunction {
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
