import { GetAccountCommand, type SESv2Client } from '@aws-sdk/client-sesv2'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { RelayError } from '@kabutar/core/ports/relay.ts'

/** SES changes an account's rate rarely, after days of good sending. */
const RATE_LIFETIME_MS = 15 * 60_000
/** The sandbox's rate, used while GetAccount fails. */
const RATE_UNKNOWN = 1
const ASK_AGAIN_MS = 30_000
/** A longer wait is left to the queue, so that no worker runs idle. */
const MAX_WAIT_MS = 30_000

type Paced = { readonly concurrency: number; readonly clock: Clock }

/**
 * Returns a function that resolves when this worker may send to `recipients` more recipients, which are what SES counts.
 * Each of `concurrency` workers takes an equal share of GetAccount's MaxSendRate, so that they need no coordination.
 * @throws {RelayError} `throttled` if the wait would be longer than 30 s, `transient` if the signal aborts
 */
export function sesPace(client: SESv2Client, { concurrency, clock }: Paced) {
  let freeAt = 0
  const rate = cachedRate(client, clock)
  return async (recipients: number, signal?: AbortSignal): Promise<void> => {
    const perSecond = (await rate()) / concurrency
    const waitMs = Math.max(0, freeAt - clock.now())
    if (waitMs > MAX_WAIT_MS) {
      throw new RelayError('throttled', 'paced by the send rate of the account', { retryAfterMs: waitMs })
    }
    // Reserved before the wait, so that calls during it queue up behind this one.
    freeAt = clock.now() + waitMs + (recipients / perSecond) * 1000
    if (waitMs > 0) await clock.sleep(waitMs, signal)
    if (signal?.aborted) throw new RelayError('transient', 'the worker is stopping')
  }
}

type Rate = { readonly perSecond: number; readonly validMs: number }

/** Returns recipients a second; concurrent callers share one request. */
function cachedRate(client: SESv2Client, clock: Clock) {
  let asked: Promise<Rate> | undefined
  let validUntil = 0
  let fetchedAt = 0
  return async (): Promise<number> => {
    if (!asked || clock.now() >= validUntil) {
      validUntil = Number.POSITIVE_INFINITY
      fetchedAt = clock.now()
      asked = askRate(client)
    }
    const { perSecond, validMs } = await asked
    validUntil = fetchedAt + validMs
    return perSecond
  }
}

async function askRate(client: SESv2Client): Promise<Rate> {
  try {
    const { SendQuota } = await client.send(new GetAccountCommand({}))
    const rate = SendQuota?.MaxSendRate ?? RATE_UNKNOWN
    // -1 means no limit; 10,000 keeps the arithmetic finite.
    return { perSecond: rate > 0 ? rate : 10_000, validMs: RATE_LIFETIME_MS }
  } catch {
    return { perSecond: RATE_UNKNOWN, validMs: ASK_AGAIN_MS }
  }
}
