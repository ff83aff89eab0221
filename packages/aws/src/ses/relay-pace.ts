import type { SESv2Client } from '@aws-sdk/client-sesv2'
import { RelayError } from '@kabutar/core/ports/relay.ts'
import { type RatePorts, sharedSendRate } from './send-rate.ts'

/** The rate of each worker while nobody knows the account's: that of the sandbox. */
const UNKNOWN_PER_SECOND = 1
/** A longer wait is left to the message's row, so that no worker runs idle. */
const MAX_WAIT_MS = 30_000

/**
 * Returns a function that resolves when this worker may send to `recipients` more recipients, which are what SES counts.
 * Each of `concurrency` workers takes an equal share of the account's rate.
 * @throws {RelayError} `throttled` if the wait would be longer than 30 s, `transient` if the signal aborts
 */
export function sesPace(client: SESv2Client, ports: RatePorts & { readonly concurrency: number }) {
  const { clock, concurrency } = ports
  let freeAt = 0
  const rate = sharedSendRate(client, ports)
  return async (recipients: number, signal?: AbortSignal): Promise<void> => {
    const all = await rate()
    const perSecond = all === undefined ? UNKNOWN_PER_SECOND : all / concurrency
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
