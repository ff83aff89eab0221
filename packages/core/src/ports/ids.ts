import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'
import type { Clock } from './clock.ts'

/** Ids in time order, unguessable (RFC 9562 section 5.7: UUIDv7), so that an id tells its own day. */
export interface Ids {
  next(): string
}

export function uuidIds(clock: Clock): Ids {
  return { next: () => v7({ msecs: clock.now(), random: nextRandom() }) }
}

const ID_RANDOM_BYTES = 16
/** A system call for each id would cost more than all the rest of it. */
const pool = Buffer.alloc(256 * ID_RANDOM_BYTES)
let used = pool.length

function nextRandom(): Uint8Array {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += ID_RANDOM_BYTES
  return pool.subarray(used - ID_RANDOM_BYTES, used)
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** True for any UUID in lower case; ids of other versions are well-formed, just never ours. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** Epoch milliseconds of a UUIDv7. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}
