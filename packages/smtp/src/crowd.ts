import type { Limits } from './limits.ts'
import { isLoopback, networkOf } from './network.ts'
import type { Wire } from './wire.ts'

type Member = { readonly remoteAddress: string; readonly wire: Wire }
/** For a place among those under TLS. */
type Waiting = {
  readonly member: Member
  readonly resolve: (hasPlace: boolean) => void
  readonly timer: NodeJS.Timeout
}

/** All who are connected to a listener, the oldest first, and whether there is room for more. */
export class Crowd {
  readonly #limits: Limits
  readonly #members = new Set<Member>()
  readonly #secured = new Set<Member>()
  readonly #waiting = new Set<Waiting>()
  readonly #networks = new Map<string, number>()

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#members.size
  }

  /** Why nobody from this address can be served now. Few connections of many networks are worth more than many of one. */
  refusal(address: string): string | undefined {
    const { connections, connectionsPerNetwork } = this.#limits
    const ofNetwork = isLoopback(address) ? 0 : (this.#networks.get(networkOf(address)) ?? 0)
    if (ofNetwork >= connectionsPerNetwork) return 'Too many connections from your network'
    if (this.size < connections || this.#makeRoom(this.#members)) return undefined
    return 'Too many connections, try again later'
  }

  enter(member: Member): void {
    this.#members.add(member)
    const network = networkOf(member.remoteAddress)
    this.#networks.set(network, (this.#networks.get(network) ?? 0) + 1)
  }

  leave(member: Member): void {
    const network = networkOf(member.remoteAddress)
    const left = (this.#networks.get(network) ?? 1) - 1
    if (left > 0) this.#networks.set(network, left)
    else this.#networks.delete(network)
    this.#members.delete(member)
    if (!this.#secured.delete(member)) return
    const [next] = this.#waiting
    if (next !== undefined) this.#end(next, true)
  }

  /** Counts a member among those under TLS, once there is a place; false if it had to wait for one too long, and nobody there gives way. */
  secure(member: Member): boolean | Promise<boolean> {
    if (this.#secured.size < this.#limits.securedConnections) {
      this.#secured.add(member)
      return true
    }
    this.#makeRoom(this.#secured)
    return new Promise((resolve) => {
      const waiting: Waiting = {
        member,
        resolve,
        timer: setTimeout(() => this.#end(waiting, this.#makeRoom(this.#secured)), this.#limits.patienceMs),
      }
      this.#waiting.add(waiting)
    })
  }

  /** Nobody waits for a place any more. */
  dismiss(): void {
    for (const waiting of this.#waiting) this.#end(waiting, false)
  }

  #end(waiting: Waiting, hasPlace: boolean): void {
    clearTimeout(waiting.timer)
    this.#waiting.delete(waiting)
    if (hasPlace) this.#secured.add(waiting.member)
    waiting.resolve(hasPlace)
  }

  /** Sends the first away who keeps us waiting: peers that hold connections for nothing all do. */
  #makeRoom(members: ReadonlySet<Member>): boolean {
    for (const { wire } of members) {
      if ((wire.waitedMs ?? -1) < this.#limits.patienceMs) continue
      wire.hangUp('421 4.3.2 Too busy to wait longer, come again\r\n')
      return true
    }
    return false
  }
}
