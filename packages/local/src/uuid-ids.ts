import { randomBytes } from 'node:crypto'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { type Ids, uuidAt } from '@kabutar/core/ports/ids.ts'

const UUID_BYTES = 16

/** Ids and secrets of the operating system's random bytes. */
export function uuidIds(clock: Pick<Clock, 'now'>): Ids {
  return { next: () => uuidAt(clock.now(), randomBytes(UUID_BYTES)), secret: (bytes) => randomBytes(bytes) }
}
