/**
 * All connections of the process are read into one buffer. By itself Node makes a buffer of 64 KB for each read of a
 * connection and leaves it to the garbage collector, which goes by the number of objects more than by what they hold: hundreds of peers
 * that push made tens of megabytes of it.
 */
import { Socket } from 'node:net'

/** What one read takes at most: how far a peer is ahead of us, who is held back as soon as something waits to be looked at. */
export const READ_BYTES = 16 * 1024
/** Octets of replies that the peer hasn't read: with more of them a connection, and TLS on it, wants to be drained first. */
export const WRITE_AHEAD_BYTES = 4 * 1024
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

/** Called with what has arrived, which is overwritten afterwards. */
export type OnOctets = (octets: Uint8Array) => void

/** As Node has it inside, where `useUserBuffer` is what the documented option `onread` of client sockets stands on. */
type Inside = { _handle?: { readonly useUserBuffer?: unknown } | null }

/**
 * The connection that a listener with `pauseOnConnect` accepted, as a socket that reads into the one buffer. `net.Server` has no option
 * for it, so the connection is moved to a socket that has: by fields that Node doesn't document. Where they are not as
 * expected, the socket stays what it is, and memory alone is the worse for it; a test tells when a new Node comes to that.
 * What was accepted counts for its server until the other has closed.
 */
export function intoOneBuffer(accepted: Socket, onOctets: OnOctets): Socket {
  const inside = accepted as unknown as Inside
  const handle = inside._handle
  if (typeof handle?.useUserBuffer !== 'function') return accepted.on('data', onOctets).resume()
  inside._handle = null
  const callback = (bytes: number, buffer: Uint8Array) => {
    onOctets(buffer.subarray(0, bytes))
    return true
  }
  const { allowHalfOpen } = accepted
  const options = {
    handle,
    allowHalfOpen,
    onread: { buffer: shared, callback },
    writableHighWaterMark: WRITE_AHEAD_BYTES,
  }
  return new Socket(options as object).once('close', () => accepted.destroy())
}
