/**
 * How an account's mail is taken. One whose mail bounces or is complained of too often pauses itself, before the relay
 * pauses all of them. A row a day counts; the newest days that hold 1,000 mails together decide.
 * Sends are counted by every twentieth, so that a mail costs a twentieth of a write unit: each process adds 20 when its
 * own count passes them and begins at a random place, which makes the sum right on average and off by 20 a process.
 */
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { type Item, isConditionFailed, type Key, type Table } from '../ports/table.ts'

export type StandingPorts = {
  readonly table: Table
  readonly clock: Clock
  readonly log: Log
}
/** Mails are counted by recipient; `bounced`: for good. */
export type Counts = { readonly sent: number; readonly bounced: number; readonly complained: number }

/** Where SES begins to review an account. */
const MIN_SENT = 1000
const MAX_BOUNCED = 0.05
const MAX_COMPLAINED = 0.001
const SAMPLE = 20
const DAY_MS = 86_400_000
const MAX_DAYS = 30
const MAX_KNOWN = 10_000

const partition = (accountId: string) => `${accountId}#standing`
const dayKey = (accountId: string, now: number): Key => ({
  pk: partition(accountId),
  sk: `day#${new Date(now).toISOString().slice(0, 10)}`,
})
/** The account sends nothing while this row is there. */
export const accountPauseKey = (accountId: string): Key => ({ pk: partition(accountId), sk: 'pause' })

const remainders = new WeakMap<Table, Map<string, number>>()

/** Counts mails that went to the relay; `random` in [0, 1). At most one write, for one call in twenty. */
export async function countSent(
  ports: StandingPorts & { random(): number },
  accountId: string,
  sent: number,
): Promise<void> {
  const known = remainders.get(ports.table) ?? new Map<string, number>()
  remainders.set(ports.table, known)
  if (known.size >= MAX_KNOWN) known.clear()
  const count = (known.get(accountId) ?? Math.floor(ports.random() * SAMPLE)) + sent
  known.set(accountId, count % SAMPLE)
  if (count >= SAMPLE) await add(ports, accountId, { sent: count - (count % SAMPLE) })
}

/** Counts what came back, and pauses the account if it is too much. True if this call did. Nothing costs nothing. */
export async function countBad(
  ports: StandingPorts,
  accountId: string,
  { bounced, complained }: Omit<Counts, 'sent'>,
): Promise<boolean> {
  if (bounced + complained === 0) return false
  await add(ports, accountId, { bounced, complained })
  const counts = await recentCounts(ports.table, accountId)
  const { sent } = counts
  const tooMuch = counts.bounced > sent * MAX_BOUNCED || counts.complained > sent * MAX_COMPLAINED
  return sent >= MIN_SENT && tooMuch && pause(ports, accountId, counts)
}

async function add(
  { table, clock }: Omit<StandingPorts, 'log'>,
  accountId: string,
  counts: Partial<Counts>,
): Promise<void> {
  const now = clock.now()
  const ttl = Math.floor((now + (MAX_DAYS + 2) * DAY_MS) / 1000)
  await table.write({ kind: 'update', key: dayKey(accountId, now), add: counts, setOnce: { ttl } })
}

/** Of the newest days that hold 1,000 mails, or of 30 days. */
export async function recentCounts(table: Table, accountId: string): Promise<Counts> {
  const query = { pk: partition(accountId), prefix: 'day#', reverse: true, limit: MAX_DAYS } as const
  const { items } = await table.query(query)
  let sum: Counts = { sent: 0, bounced: 0, complained: 0 }
  for (const item of items) {
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

async function pause({ table, clock, log }: StandingPorts, accountId: string, counts: Counts): Promise<boolean> {
  try {
    const item = { ...accountPauseKey(accountId), at: clock.now(), ...counts }
    await table.write({ kind: 'put', item, if: [{ exists: false }] })
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
  log.error('an account is paused: its mail bounces or is complained of too often', { account: accountId, ...counts })
  return true
}

/** Lets a paused account send again and forgets what was counted. False if it is not paused. */
export async function resumeAccount(table: Table, accountId: string): Promise<boolean> {
  const { items } = await table.query({ pk: partition(accountId), limit: 100 })
  if (!items.some(({ sk }) => sk === accountPauseKey(accountId).sk)) return false
  await table.transact(items.map(({ pk, sk }) => ({ kind: 'delete', key: { pk, sk } })))
  return true
}
