import { clientOf } from '@kabutar/core/net/address.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'

const WINDOW_MS = 60_000
/** So many wrong keys a minute are answered at once: a program with a mistyped key should fail fast. */
const AT_ONCE = 20
const STEP_MS = 100
const MAX_DELAY_MS = 5000
/** The oldest client is forgotten beyond this. */
const MAX_CLIENTS = 10_000

/**
 * Delays the answer to wrong API keys of one IPv4 address or IPv6 /64, the longer the more there are in a minute. Right keys
 * never wait.
 */
export class WrongKeys {
  readonly #clock: Pick<Clock, 'monotonic' | 'sleep'>
  readonly #clients = new Map<string, { count: number; readonly until: number }>()

  constructor(clock: Pick<Clock, 'monotonic' | 'sleep'>) {
    this.#clock = clock
  }

  async slow(address: string | undefined): Promise<void> {
    if (address === undefined) return
    const now = this.#clock.monotonic()
    const client = clientOf(address)
    const known = this.#clients.get(client)
    const current = known !== undefined && known.until > now ? known : { count: 0, until: now + WINDOW_MS }
    current.count += 1
    this.#clients.delete(client)
    this.#clients.set(client, current)
    if (this.#clients.size > MAX_CLIENTS) this.#clients.delete(this.#clients.keys().next().value ?? '')
    const delayMs = Math.min((current.count - AT_ONCE) * STEP_MS, MAX_DELAY_MS)
    if (delayMs > 0) await this.#clock.sleep(delayMs)
  }
}
