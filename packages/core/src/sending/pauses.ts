/**
 * What makes all mail wait, or all of one account: one row each, which every worker looks at, no older than five seconds.
 * A relay that throttles us, or whose quota is spent, is asked again when the row's time is over, by whoever comes first.
 */
import { accountPauseKey } from '../accounts/reputation.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { RelayPause } from '../ports/relay.ts'
import { type Item, isConditionFailed, type Key, type Table } from '../ports/table.ts'

export type PausePorts = { readonly table: Table; readonly clock: Clock; readonly log: Log }
/** Nobody knows when an account's pause ends: `until` (epoch ms) is then when to look again. */
export type Pause = { readonly reason: RelayPause | 'account_paused'; readonly until: number }

const RELAY_KEY: Key = { pk: 'relay#pause', sk: 'v' }
const CACHED_MS = 5000
const MAX_CACHED = 10_000
const ACCOUNT_WAIT_MS = 15 * 60_000
const SHORTEST_MS = 1000
/** A throttle this soon after the last pause says that the pause was too short. */
const SOON_MS = 15_000
const LONGEST_DOUBLED_MS = 4 * 60_000

type Row = { readonly readAt: number; readonly item: Promise<Item | undefined> }
const cached = new WeakMap<Table, Map<string, Row>>()

/**
 * What the account's mail waits for, at most five seconds ago. One read in that time, of the relay's row for all accounts,
 * which those share who ask at the same time, such as a batch.
 */
export async function pauseOf(
  { table, clock }: Omit<PausePorts, 'log'>,
  accountId: string,
): Promise<Pause | undefined> {
  const now = clock.now()
  const rows = cached.get(table) ?? new Map<string, Row>()
  cached.set(table, rows)
  if (rows.size >= MAX_CACHED) rows.clear()
  const keys = [RELAY_KEY, accountPauseKey(accountId)] as const
  const stale = keys.filter(({ pk }) => now - (rows.get(pk)?.readAt ?? Number.NEGATIVE_INFINITY) >= CACHED_MS)
  if (stale.length > 0) readInto(rows, stale, table.getMany(stale), now)
  const [relay, account] = await Promise.all(keys.map(({ pk }) => rows.get(pk)?.item))
  return pauseFrom(relay, account, now)
}

/** What cannot be read is asked for again by whoever comes next. */
function readInto(
  rows: Map<string, Row>,
  keys: readonly Key[],
  reading: Promise<readonly (Item | undefined)[]>,
  readAt: number,
): void {
  for (const [i, { pk }] of keys.entries()) {
    const row = { readAt, item: reading.then((items) => items[i]) }
    rows.set(pk, row)
    row.item.catch(() => rows.get(pk) === row && rows.delete(pk))
  }
}

/** Likewise, as it is now. */
export async function readPause(table: Table, now: number, accountId: string): Promise<Pause | undefined> {
  const [relay, account] = await table.getMany([RELAY_KEY, accountPauseKey(accountId)])
  return pauseFrom(relay, account, now)
}

function pauseFrom(relay: Item | undefined, account: Item | undefined, now: number): Pause | undefined {
  if (account !== undefined) return { reason: 'account_paused', until: now + ACCOUNT_WAIT_MS }
  return stillOn(relay && pauseIn(relay), now)
}

const stillOn = (pause: Pause | undefined, now: number) =>
  pause !== undefined && pause.until > now ? pause : undefined

const pauseIn = (item: Item): Pause => ({ reason: item.reason as RelayPause, until: item.until as number })

/** What was read of the account's pause is forgotten, in this process. */
export function forgetPauses(table: Table): void {
  cached.delete(table)
}

/**
 * Everybody waits for the relay. Of several who are throttled at once, one writes; a throttle right after the last pause
 * doubles it, up to four minutes or what the relay asked for.
 */
export async function pauseRelay(ports: PausePorts, reason: RelayPause, retryAfterMs: number): Promise<Pause> {
  const now = ports.clock.now()
  const row = await ports.table.get(RELAY_KEY)
  const earlier = row && stillOn(pauseIn(row), now)
  if (earlier !== undefined && earlier.until >= now + retryAfterMs) return earlier
  const ms = lengthOf(row, now, Math.max(retryAfterMs, SHORTEST_MS))
  const pause = { reason, until: now + ms }
  try {
    const unchanged =
      row === undefined ? { exists: false } : ({ attr: 'until', op: '=', value: row.until as number } as const)
    await ports.table.write({ kind: 'put', item: { ...RELAY_KEY, ...pause, ms }, if: [unchanged] })
  } catch (error) {
    if (!isConditionFailed(error)) throw error
  }
  forgetPauses(ports.table)
  if (reason !== 'throttled') {
    const until = new Date(pause.until).toISOString()
    ports.log[reason === 'quota' ? 'warn' : 'error']('the relay takes no more mail for now; it waits', {
      reason,
      until,
    })
  }
  return pause
}

function lengthOf(row: Item | undefined, now: number, asked: number): number {
  if (row === undefined) return asked
  const [until, ms] = [row.until as number, row.ms as number]
  const soon = now < until + Math.max(ms, SOON_MS)
  return soon ? Math.max(asked, Math.min(ms * 2, LONGEST_DOUBLED_MS)) : asked
}
