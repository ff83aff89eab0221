/** Hundreds of connections that mean no good. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** What a peer does with its connection, once it can speak; called again each 100 ms until the siege ends. */
export type Hostile = (socket: Socket, turn: number) => unknown
export type Siege = {
  /** Connections so far. */
  readonly opened: number
  /** Of them those that came to speak. */
  readonly heard: number
  end(): Promise<void>
}
/** `socket` is what it speaks through, `plain` the connection below it. */
type Peer = { readonly plain: Socket; socket: Socket; turn: number; speaks: boolean }

const STARTTLS = 'EHLO far.test\r\nSTARTTLS\r\n'

/** Keeps `count` connections to a port of this machine, replacing those that end, and calls `hostile` on each; with `tls` behind STARTTLS. */
export function besiege(port: number, count: number, hostile: Hostile, { tls = false } = {}): Siege {
  const peers = new Set<Peer>()
  let opened = 0
  let heard = 0
  const open = () => {
    opened++
    const plain = connect(port, '127.0.0.1')
    const peer: Peer = { plain, socket: plain, turn: 0, speaks: false }
    peers.add(peer)
    plain.on('error', () => undefined).on('close', () => peers.delete(peer))
    if (tls) startTls(peer)
    else
      plain.resume().on('connect', () => {
        peer.speaks = true
      })
  }
  const timer = setInterval(() => {
    for (let missing = count - peers.size; missing > 0; missing--) open()
    for (const peer of peers) {
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
    async end() {
      clearInterval(timer)
      const closing = [...peers].map(({ plain }) => once(plain, 'close'))
      for (const { socket, plain } of peers) {
        socket.destroy()
        plain.destroy()
      }
      await Promise.all(closing)
    },
  }
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
      .on('secureConnect', () => {
        peer.speaks = true
      })
      .resume()
  }
  plain.on('data', listen).write(STARTTLS)
}
