/** Waits before the second and each later attempt to hand a message to the relay. */
export const DEFAULT_SEND_RETRIES = '1m,5m,15m,1h,4h,8h,16h,24h'
/** Waits before each attempt to deliver a webhook, the first one included. */
export const DEFAULT_WEBHOOK_RETRIES = '0s,5s,5m,30m,2h,5h,10h,10h'

const MAX_DURATIONS = 32
const MAX_DURATION_MS = 30 * 86_400_000
const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Reads a list such as `30s,5m,1d` into milliseconds, in the order given. @throws {Error} whose message says what is wrong */
export function durationsOf(text: string): readonly number[] {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.length > MAX_DURATIONS) throw new Error(`has more than ${MAX_DURATIONS} durations`)
  return parts.map((part) => {
    const [, digits, unit] = /^(\d{1,10})(ms|s|m|h|d)$/.exec(part) ?? []
    const ms = Number(digits) * UNITS[unit as keyof typeof UNITS]
    if (!(ms <= MAX_DURATION_MS)) throw new Error('must be durations of at most 30 days, such as 30s,5m,24h')
    return ms
  })
}
