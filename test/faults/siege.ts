/** Hundreds of hostile SMTP connections at once. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** What a hostile peer does with its connection once it can speak; called again each 100 ms until the siege ends. */
export type Hostile = (socket: Socket, turn: number) => unknown
type Siege = {
  /** Connections so far. */
  readonly opened: number
  /** Connections so far that came to speak. */
  readonly heard: number
  /** Connections that are open now and were greeted. */
  readonly greeted: number
  end(): Promise<void>
}
type SiegeOptions = {
  /** Speak TLS, after STARTTLS. */
  readonly tls?: boolean
  /** The address of the n-th peer, any of 127.0.0.0/8. @default 20 peers of each /24 from 127.1.0.0 on */
  readonly addressOf?: (n: number) => string
}
/** `socket` is the one that it speaks through, `plain` the connection below. */
type Peer = { readonly plain: Socket; socket: Socket; turn: number; speaks: boolean; greeted: boolean }

const STARTTLS = 'EHLO far.test\r\nSTARTTLS\r\n'
/** As many as the server accepts of one address. */
const PEERS_PER_ADDRESS = 20

/** Keeps `count` connections to a port of this machine, replaces those that end, and calls `hostile` on each. */
export function besiege(port: number, count: number, hostile: Hostile, options: SiegeOptions = {}): Siege {
  const { tls = false, addressOf = (n) => `127.1.${Math.floor(n / PEERS_PER_ADDRESS)}.1` } = options
  const peers = new Map<number, Peer>()
  let opened = 0
  let heard = 0
  const open = (n: number) => {
    opened++
    const peer = openPeer(port, addressOf(n), tls)
    peers.set(n, peer)
    peer.plain.on('close', () => peers.delete(n))
  }
  const timer = setInterval(() => {
    for (let n = 0; n < count; n++) if (!peers.has(n)) open(n)
    for (const peer of peers.values()) {
      if (!peer.speaks || !peer.socket.writable) continue
      if (peer.turn === 0) heard++
      hostile(peer.socket, peer.turn++)
    }
  }, 100)
  return {
    get opened() {
      return opened
    },
    get heard() {
      return heard
    },
    get greeted() {
      return [...peers.values()].filter(({ greeted, plain }) => greeted && !plain.closed).length
    },
    async end() {
      clearInterval(timer)
      const closing = [...peers.values()].map(({ plain }) => once(plain, 'close'))
      for (const { socket, plain } of peers.values()) {
        socket.destroy()
        plain.destroy()
      }
      await Promise.all(closing)
    },
  }
}

function openPeer(port: number, localAddress: string, tls: boolean): Peer {
  const plain = connect({ port, host: '127.0.0.1', localAddress })
  const peer: Peer = { plain, socket: plain, turn: 0, speaks: false, greeted: false }
  plain.on('error', () => undefined)
  plain.once('data', (reply: Buffer) => {
    peer.greeted = reply.toString('latin1').startsWith('220')
  })
  if (tls) startTls(peer)
  else plain.resume().on('connect', () => (peer.speaks = true))
  return peer
}

function startTls(peer: Peer): void {
  const { plain } = peer
  let text = ''
  const listen = (chunk: Buffer) => {
    text += chunk.toString('latin1')
    if (!text.includes('\n220 2.0.0 ')) return
    plain.off('data', listen)
    peer.socket = connectTls({ socket: plain, rejectUnauthorized: false })
      .on('error', () => undefined)
      .on('secureConnect', () => (peer.speaks = true))
      .resume()
  }
  plain.on('data', listen).write(STARTTLS)
}
