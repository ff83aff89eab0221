import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type { SecureContext } from 'node:tls'
import { TLSSocket } from 'node:tls'
import { giveBack, ownCopy } from '@kabutar/core/lent.ts'
import { type OnOctets, WRITE_AHEAD_BYTES } from './one-buffer.ts'

/** Its type lacks the option; Node hands it on. */
const WRITE_AHEAD = { highWaterMark: WRITE_AHEAD_BYTES }

/**
 * Starts TLS as the server on a connection whose octets come by `decrypt`. `onOctets` is called with what they hold before it returns, so
 * that a connection that rests has nothing decrypted: who reads ahead is the connection alone.
 */
export function encrypted(plain: Socket, secureContext: SecureContext, onOctets: OnOctets) {
  const underway = new Underway(plain)
  const socket = new TLSSocket(underway, { isServer: true, secureContext, ...WRITE_AHEAD })
  // Behind the listener that decrypts it.
  underway.on('data', giveBack)
  socket.on('data', (octets: Buffer) => {
    onOctets(octets)
    giveBack(octets)
  })
  const decrypt = (octets: Uint8Array) => void underway.push(ownCopy(octets))
  return { socket, decrypt }
}

/**
 * A connection as TLS sees it. By itself a TLS connection of Node reads 64 KB at a time, keeps room for so much as long as it lives and
 * decrypts all of it at once, even after it was told to rest: hundreds of peers that push made 100 MB of it.
 */
class Underway extends Duplex {
  #plain: Socket

  constructor(plain: Socket) {
    super({ allowHalfOpen: plain.allowHalfOpen, read: () => undefined })
    this.#plain = plain
    plain.once('end', () => this.push(null)).once('close', () => this.destroy())
  }

  override _write(octets: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#plain.write(octets, done)
  }

  override _final(done: () => void): void {
    this.#plain.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#plain.destroy()
    done(error)
  }
}
