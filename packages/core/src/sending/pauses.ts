/**
 * Pauses of sending: one row makes all mail wait, or all of one account. Every worker reads them, no older than five
 * seconds. When the time of the relay's pause is over, the next worker tries the relay again.
 */
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { RelayPause } from '../ports/relay.ts'
import type { Item, Table } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { readRow, row } from '../store/codec.ts'
import { accountPauseKey, RELAY_PAUSE_KEY } from '../store/keys.ts'
import { writeIf } from '../store/once.ts'

type PausePorts = {
  readonly table: Table
  readonly clock: Clock
  readonly log: Log
  readonly caches: Caches
}
/** Nobody knows when an account's pause ends: `until` (epoch ms) is then when to look again. */
export type Pause = { readonly reason: RelayPause | 'account_paused'; readonly until: number }

const ACCOUNT_WAIT_MS = 15 * 60_000
const SHORTEST_MS = 1000
/** Clocks of two machines differ by less. */
const SET_BACK_MS = 60_000
/** A throttle this soon after the last pause says that the pause was too short. */
const SOON_MS = 15_000
const LONGEST_DOUBLED_MS = 4 * 60_000

/** Answers the pause that the account's mail waits for, as it was at most five seconds ago. */
export async function pauseOf(
  { table, clock, caches }: Omit<PausePorts, 'log'>,
  accountId: string,
): Promise<Pause | undefined> {
  const keys = [RELAY_PAUSE_KEY, accountPauseKey(accountId)]
  const [relay, account] = await Promise.all(
    keys.map((key) => caches.pauses.get(key, async () => ({ row: await table.get(key) }))),
  )
  return pauseFrom(relay?.row, account?.row, clock.now())
}

/** Reads the pause that the account's mail waits for now. */
export async function readPause(table: Table, now: number, accountId: string): Promise<Pause | undefined> {
  const [relay, account] = await table.getMany([RELAY_PAUSE_KEY, accountPauseKey(accountId)])
  return pauseFrom(relay, account, now)
}

function pauseFrom(relay: Item | undefined, account: Item | undefined, now: number): Pause | undefined {
  if (readRow('account-pause', account) !== undefined) return { reason: 'account_paused', until: now + ACCOUNT_WAIT_MS }
  return stillOn(relay, now)
}

/** A pause that ends later than it can was written before the time of day was set back: it is over. */
function stillOn(stored: Item | undefined, now: number): Pause | undefined {
  const item = readRow('relay-pause', stored)
  if (item === undefined) return undefined
  const [until, ms] = [item.until as number, item.ms as number]
  if (until <= now || until > now + ms + SET_BACK_MS) return undefined
  return { reason: item.reason as RelayPause, until }
}

/**
 * Makes all mail wait for the relay. Of several workers that are throttled at once, one writes. A throttle right after the
 * last pause doubles it, up to four minutes or what the relay asked for.
 */
export async function pauseRelay(ports: PausePorts, reason: RelayPause, retryAfterMs: number): Promise<Pause> {
  const now = ports.clock.now()
  const last = await ports.table.get(RELAY_PAUSE_KEY)
  const earlier = stillOn(last, now)
  if (earlier !== undefined && earlier.until >= now + retryAfterMs) return earlier
  const ms = lengthOf(last, now, Math.max(retryAfterMs, SHORTEST_MS))
  const pause = { reason, until: now + ms }
  const unchanged =
    last === undefined ? { exists: false } : ({ attr: 'until', op: '=', value: last.until as number } as const)
  const item = row('relay-pause', RELAY_PAUSE_KEY, { ...pause, ms })
  await writeIf(ports.table, { kind: 'put', item, if: [unchanged] })
  ports.caches.pauses.clear()
  if (reason !== 'throttled') {
    const until = new Date(pause.until).toISOString()
    ports.log[reason === 'quota' ? 'warn' : 'error']('the relay takes no more mail for now; it waits', {
      reason,
      until,
    })
  }
  return pause
}

function lengthOf(last: Item | undefined, now: number, asked: number): number {
  if (last === undefined) return asked
  const [until, ms] = [last.until as number, last.ms as number]
  const soon = now < until + Math.max(ms, SOON_MS)
  return soon ? Math.max(asked, Math.min(ms * 2, LONGEST_DOUBLED_MS)) : asked
}
