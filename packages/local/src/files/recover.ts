import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Engine } from '../sqlite/engine.ts'

const RELEASE = 'UPDATE entry SET lease = NULL, due_at = ? WHERE lease IS NOT NULL'

/**
 * Gives back the entries that the process before this one held: whoever holds the folder's lock is alone, so their
 * leases have no owner. Their receipts stay counted, so that an entry that kills its process ends in the dead letters.
 */
export function recoverLeases(engine: Engine, clock: Clock): void {
  engine.db.prepare(RELEASE).run(clock.now())
}
