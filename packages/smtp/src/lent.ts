/**
 * Memory of what is read from a connection. Small chunks are left to the garbage collector. Of larger ones it lets many tens of
 * megabytes come together, since it goes by the number of objects more than by what they hold: their memory is given back by
 * hand. Whoever wants to keep such octets, or has handed them to somebody who does, copies them before.
 */
const LENT_BYTES = 16 * 1024

/** The memory of `octets`, or of what they are a part of, is given back once they are spent. */
export function isLent(octets: Uint8Array): boolean {
  return octets.buffer.byteLength >= LENT_BYTES
}

/**
 * Gives back the memory of `octets`, if they are `least` or more: nobody may look at them any more, nor may a write of them be
 * under way.
 */
export function giveBack(octets: Uint8Array, least = LENT_BYTES): void {
  const { buffer, length } = octets
  // What shares its memory is not ours alone.
  if (buffer instanceof ArrayBuffer && length >= least && length === buffer.byteLength) buffer.transfer(0)
}
