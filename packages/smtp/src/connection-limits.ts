import { networkOf } from '@kabutar/core/net/address.ts'
import type { Connection } from './connection.ts'
import type { SmtpLimits } from './limits.ts'
import type { Reply } from './replies.ts'

type Peer = Pick<Connection, 'remoteAddress' | 'restingMs' | 'close'>
type Peers = { readonly size: number; keys(): Iterable<Peer> }
/** Kept for each connection that is counted: a closed socket doesn't know its address any more. */
type Origin = { readonly address: string; readonly network: string }

const NOBODY: Peers = new Set<Peer>()
const GIVE_WAY: Reply = {
  code: 421,
  status: '4.3.2',
  text: 'Too many connections, and this one rests; try again later',
}

/**
 * Bounds the open connections of a server: in all, of one network, and of one address. At a limit, the peer that has rested
 * longest gives way to a new one, so that peers which hold connections for nothing keep nobody out.
 */
export class ConnectionLimits {
  readonly #limits: SmtpLimits
  readonly #all = new Map<Peer, Origin>()
  readonly #byAddress = new Map<string, Set<Peer>>()
  readonly #byNetwork = new Map<string, Set<Peer>>()

  constructor(limits: SmtpLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#all.size
  }

  /** Counts a new connection. Answers why it must be refused if a limit is reached and nobody gives way. */
  admit(peer: Peer): string | undefined {
    const address = peer.remoteAddress
    const network = networkOf(address)
    const { connections, connectionsPerNetwork, connectionsPerAddress } = this.#limits
    // A peer that gives way is counted in all limits that are checked after, so there is never a second one.
    if (!this.#hasRoom(this.#byAddress.get(address), connectionsPerAddress)) {
      return 'Too many connections from your address'
    }
    if (!this.#hasRoom(this.#byNetwork.get(network), connectionsPerNetwork)) {
      return 'Too many connections from your network'
    }
    if (!this.#hasRoom(this.#all, connections)) return 'Too many connections, try again later'
    this.#all.set(peer, { address, network })
    addTo(this.#byAddress, address, peer)
    addTo(this.#byNetwork, network, peer)
    return undefined
  }

  /** Stops counting a connection. Harmless when repeated. */
  release(peer: Peer): void {
    const origin = this.#all.get(peer)
    if (origin === undefined) return
    this.#all.delete(peer)
    deleteFrom(this.#byAddress, origin.address, peer)
    deleteFrom(this.#byNetwork, origin.network, peer)
  }

  /** True if one more fits, after the peer that has rested longest was sent away where that is needed. */
  #hasRoom(peers: Peers = NOBODY, most: number): boolean {
    if (peers.size < most) return true
    let longest: { peer: Peer; ms: number } | undefined
    for (const peer of peers.keys()) {
      const ms = peer.restingMs ?? -1
      if (ms >= this.#limits.minRestMs && ms > (longest?.ms ?? -1)) longest = { peer, ms }
    }
    if (longest === undefined) return false
    this.release(longest.peer)
    longest.peer.close(GIVE_WAY)
    return true
  }
}

function addTo(groups: Map<string, Set<Peer>>, name: string, peer: Peer): void {
  const group = groups.get(name)
  if (group === undefined) groups.set(name, new Set([peer]))
  else group.add(peer)
}

function deleteFrom(groups: Map<string, Set<Peer>>, name: string, peer: Peer): void {
  const group = groups.get(name)
  group?.delete(peer)
  if (group?.size === 0) groups.delete(name)
}
