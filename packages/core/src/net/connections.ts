import type { Client } from 'undici'

/** One for all: undici would make another for each connection, and look where it stands. */
const DROPPED = new Error('the connection was dropped')

/**
 * Connections to origins, each with one request at a time. One whose answer came whole is kept for the next request;
 * any other is closed, and no other is opened in its place before a request needs it: undici's own pool does that when
 * a request is given up, a second connection for each answer that is too long.
 */
export class Connections {
  readonly #open: (origin: string) => Client
  readonly #kept = new Map<string, Client[]>()
  readonly #all = new Set<Client>()

  constructor(open: (origin: string) => Client) {
    this.#open = open
  }

  /** The one that was used last, which is the least likely to be closed by the other side, or a new one. */
  take(origin: string): Client {
    return this.#kept.get(origin)?.pop() ?? this.fresh(origin)
  }

  fresh(origin: string): Client {
    const client = this.#open(origin)
    this.#all.add(client)
    client.on('disconnect', () => this.#forget(origin, client))
    return client
  }

  keep(origin: string, client: Client): void {
    const kept = this.#kept.get(origin)
    if (kept === undefined) this.#kept.set(origin, [client])
    else kept.push(client)
  }

  drop(client: Client): void {
    this.#all.delete(client)
    client.destroy(DROPPED).catch(() => undefined)
  }

  close(): void {
    for (const client of this.#all) this.drop(client)
    this.#kept.clear()
  }

  /** Closed while it was kept. One that is in use is seen to when its request ends. */
  #forget(origin: string, client: Client): void {
    const kept = this.#kept.get(origin)
    const at = kept?.indexOf(client) ?? -1
    if (kept === undefined || at < 0) return
    kept.splice(at, 1)
    if (kept.length === 0) this.#kept.delete(origin)
    this.drop(client)
  }
}
