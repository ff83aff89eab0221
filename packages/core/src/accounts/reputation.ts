/**
 * Counts an account's mails, bounces and complaints, and pauses its sending above a threshold, before the relay pauses
 * everybody's. A row counts each day; the newest days that hold 1,000 mails together decide.
 */
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Item, Table } from '../ports/table.ts'
import type { Caches } from '../store/cache.ts'
import { formatOf, readRow, row } from '../store/codec.ts'
import { accountPauseKey, REPUTATION_DAYS, reputationDayKey, reputationPartition, utcDay } from '../store/keys.ts'
import { putIfAbsent } from '../store/once.ts'
import { loggedPage, readableRows } from '../store/pages.ts'

type ReputationPorts = {
  readonly table: Table
  readonly clock: Clock
  readonly log: Log
  readonly caches: Caches
}
/** Mails are counted by recipient. `bounced` counts permanent bounces. */
export type Counts = { readonly sent: number; readonly bounced: number; readonly complained: number }

/** Mails from which on the rates decide, and the rates at which SES begins to review an account. */
const MIN_SENT = 1000
const MAX_BOUNCED = 0.05
const MAX_COMPLAINED = 0.001
const DAY_MS = 86_400_000
const MAX_DAYS = 30

/**
 * Adds to an account's counts in one write, and pauses the account if its bounces or complaints are too many. True if this
 * call paused it.
 */
export async function countMails(ports: ReputationPorts, accountId: string, counts: Counts): Promise<boolean> {
  const { sent, bounced, complained } = counts
  if (sent + bounced + complained === 0) return false
  await add(ports, accountId, counts)
  return bounced + complained > 0 && pauseIfTooMany(ports, accountId)
}

async function pauseIfTooMany(ports: ReputationPorts, accountId: string): Promise<boolean> {
  const counts = await recentCounts(ports, accountId)
  const { sent, bounced, complained } = counts
  const tooMany = bounced > sent * MAX_BOUNCED || complained > sent * MAX_COMPLAINED
  return sent >= MIN_SENT && tooMany && pause(ports, accountId, counts)
}

async function add(
  { table, clock }: Pick<ReputationPorts, 'table' | 'clock'>,
  accountId: string,
  counts: Counts,
): Promise<void> {
  const now = clock.now()
  await table.write({
    kind: 'update',
    key: reputationDayKey(accountId, utcDay(now)),
    set: formatOf('reputation-day'),
    add: counts,
    setOnce: { ttl: Math.floor((now + (MAX_DAYS + 2) * DAY_MS) / 1000) },
  })
}

/** The counts of the newest days that hold 1,000 mails together, or of 30 days. A day that cannot be read counts nothing. */
export async function recentCounts(ports: Pick<ReputationPorts, 'table' | 'log'>, accountId: string): Promise<Counts> {
  const { items } = await ports.table.query({
    pk: reputationPartition(accountId),
    prefix: REPUTATION_DAYS,
    reverse: true,
    limit: MAX_DAYS,
  })
  let sum: Counts = { sent: 0, bounced: 0, complained: 0 }
  const days = readableRows(items, (item) => readRow('reputation-day', item))
  for (const item of loggedPage(ports, days).items) {
    if (sum.sent >= MIN_SENT) break
    sum = {
      sent: sum.sent + numberOf(item, 'sent'),
      bounced: sum.bounced + numberOf(item, 'bounced'),
      complained: sum.complained + numberOf(item, 'complained'),
    }
  }
  return sum
}

const numberOf = (item: Item, name: keyof Counts) => (typeof item[name] === 'number' ? item[name] : 0)

async function pause(
  { table, clock, log, caches }: ReputationPorts,
  accountId: string,
  counts: Counts,
): Promise<boolean> {
  const item = row('account-pause', accountPauseKey(accountId), { at: clock.now(), ...counts })
  if (!(await putIfAbsent(table, item))) return false
  caches.pauses.clear()
  log.error('an account is paused: too much of its mail bounces or is complained of', {
    account: accountId,
    ...counts,
  })
  return true
}

/** Lets a paused account send again, and deletes its counts. False if it is not paused. */
export async function resumeAccount(
  { table, caches }: Pick<ReputationPorts, 'table' | 'caches'>,
  accountId: string,
): Promise<boolean> {
  const { items } = await table.query({ pk: reputationPartition(accountId), limit: 100 })
  if (!items.some(({ sk }) => sk === accountPauseKey(accountId).sk)) return false
  await table.transact(items.map(({ pk, sk }) => ({ kind: 'delete', key: { pk, sk } })))
  caches.pauses.clear()
  return true
}
