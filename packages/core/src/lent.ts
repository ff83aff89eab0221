/**
 * Memory of octets that come, are used and are gone at once: what is read from a connection, what a message is gathered in. Small
 * pieces are left to the garbage collector. Of larger ones it lets many tens of megabytes come together, since it goes by
 * the number of objects more than by what they hold: their memory is given back by hand. Whoever wants to keep such octets, or
 * has handed them to somebody who does, copies them before.
 */
const WORTH_IT_BYTES = 1024

/** Of memory that can be given back, if it is worth it. */
export function ownCopy(octets: Uint8Array): Buffer {
  if (octets.length < WORTH_IT_BYTES) return Buffer.from(octets)
  const copy = Buffer.allocUnsafeSlow(octets.length)
  copy.set(octets)
  return copy
}

/** Gives back the memory of `octets`: nobody may look at them any more, nor may a write of them be under way. */
export function giveBack(octets: Uint8Array): void {
  const { buffer, length } = octets
  // What shares its memory is not ours alone.
  if (buffer instanceof ArrayBuffer && length >= WORTH_IT_BYTES && length === buffer.byteLength) buffer.transfer(0)
}
