/**
 * The account's send rate. SES answers GetAccount once a second, so one worker asks, and all read the answer from a row.
 */
import { GetAccountCommand, type SESv2Client } from '@aws-sdk/client-sesv2'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { type Item, StoreError, type Table } from '@kabutar/core/ports/table.ts'
import { readRow, row } from '@kabutar/core/store/codec.ts'
import { SEND_RATE_KEY } from '@kabutar/core/store/keys.ts'
import { writeIf } from '@kabutar/core/store/once.ts'

export type RatePorts = { readonly table: Table; readonly clock: Clock; readonly log: Log; random(): number }

/** SES changes an account's rate rarely, after days of good sending. */
const LIFETIME_MS = 15 * 60_000
/** A worker uses what it read for this long; after a failure, or for a rate that is overdue, for the shorter time. */
const USED_MS = 60_000
const USED_IF_OVERDUE_MS = 10_000
/** No other worker asks for this long after one has begun to. */
const ASKING_MS = 1500
/** The longest wait for the first answer. */
const PATIENCE_MS = 10_000
const LOOK_AGAIN_MS = 200

/**
 * Returns a function that answers recipients a second for all workers together, or undefined if nobody has learned the rate
 * yet. A rate that is overdue is used until a new one is known. Concurrent callers share one look.
 */
export function sharedSendRate(client: SESv2Client, ports: RatePorts): () => Promise<number | undefined> {
  let known: { readonly perSecond: number | undefined; readonly until: number } | undefined
  let looking: Promise<number | undefined> | undefined
  const look = async () => {
    try {
      const { perSecond, isOverdue } = await currentRate(client, ports).catch(storeFailed)
      const rate = perSecond ?? known?.perSecond
      known = { perSecond: rate, until: ports.clock.now() + (isOverdue ? USED_IF_OVERDUE_MS : USED_MS) }
      return rate
    } finally {
      looking = undefined
    }
  }
  return async () => {
    if (known !== undefined && ports.clock.now() < known.until) return known.perSecond
    looking ??= look()
    return looking
  }
}

type Rate = { readonly perSecond: number | undefined; readonly isOverdue: boolean }

function storeFailed(error: unknown): Rate {
  if (!(error instanceof StoreError) || error.code === 'UnknownFormat') throw error
  return { perSecond: undefined, isOverdue: true }
}

async function currentRate(client: SESv2Client, ports: RatePorts): Promise<Rate> {
  const { table, clock } = ports
  for (const end = clock.now() + PATIENCE_MS; ; ) {
    const item = readRow('send-rate', await table.get(SEND_RATE_KEY))
    const { perSecond } = (item ?? {}) as { readonly perSecond?: number }
    if (item !== undefined && perSecond !== undefined && isFresh(item, clock.now()))
      return { perSecond, isOverdue: false }
    const answer = (await mayAsk(ports, item)) ? await ask(client, ports) : undefined
    if (answer !== undefined) return { perSecond: answer, isOverdue: false }
    if (perSecond !== undefined || clock.now() >= end) return { perSecond, isOverdue: true }
    await clock.sleep(LOOK_AGAIN_MS * (1 + ports.random()))
  }
}

/** A time that lies further ahead than it can was written before the time of day was set back. */
const isWithin = (until: number, now: number, longestMs: number) => until > now && until <= now + longestMs
const isFresh = (item: Item, now: number) => isWithin(Number(item.until), now, LIFETIME_MS)

/** True if this worker is the one that asks. */
function mayAsk({ table, clock }: RatePorts, item: Item | undefined): Promise<boolean> {
  const now = clock.now()
  const askingUntil = now + ASKING_MS
  if (item === undefined) {
    const first = row('send-rate', SEND_RATE_KEY, { askingUntil, until: 0 })
    return writeIf(table, { kind: 'put', item: first, if: [{ exists: false }] })
  }
  const asked = Number(item.askingUntil)
  if (isWithin(asked, now, ASKING_MS)) return Promise.resolve(false)
  return writeIf(table, {
    kind: 'update',
    key: SEND_RATE_KEY,
    set: { askingUntil },
    if: [{ attr: 'askingUntil', op: '=', value: asked }],
  })
}

/** Undefined if SES does not answer: another worker asks later. */
async function ask(client: SESv2Client, { table, clock, log }: RatePorts): Promise<number | undefined> {
  const rate = await client.send(new GetAccountCommand({})).then(
    ({ SendQuota }) => SendQuota?.MaxSendRate,
    (error: Error) => {
      log.warn('SES did not tell the send rate; another worker asks later', { error })
      return undefined
    },
  )
  if (rate === undefined) return undefined
  // -1 means no limit; 10,000 keeps the arithmetic finite.
  const perSecond = rate > 0 ? rate : 10_000
  const until = clock.now() + LIFETIME_MS
  await table.write({ kind: 'update', key: SEND_RATE_KEY, set: { perSecond, until }, if: [{ exists: true }] })
  return perSecond
}
