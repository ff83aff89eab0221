/** A Lambda function's settings: what stacks/ passes in the environment, read while it starts and nowhere else. */

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** @throws {Error} naming the setting, so that a function that is wired wrongly fails before its first event */
export function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name}: missing`)
  return value
}

/** `a,b,c`, at least one. @throws {Error} naming the setting */
export function listSetting(name: string): readonly string[] {
  const values = setting(name).split(',')
  if (values.some((value) => value === '')) throw new Error(`${name}: must be a list such as a,b,c`)
  return values
}

/** A whole number from 1. @throws {Error} naming the setting */
export function numberSetting(name: string, otherwise?: number): number {
  const value = process.env[name] ?? otherwise
  if (value === undefined || !/^[1-9]\d{0,5}$/.test(String(value))) throw new Error(`${name}: must be a number from 1`)
  return Number(value)
}

/** `1m,5m,24h` in milliseconds. @throws {Error} naming the setting */
export function durationsSetting(name: string, otherwise: string): readonly number[] {
  return (process.env[name] || otherwise).split(',').map((part) => {
    const [, digits, unit] = /^(\d{1,10})(ms|s|m|h)$/.exec(part.trim()) ?? []
    const ms = Number(digits) * UNITS[unit as keyof typeof UNITS]
    if (Number.isNaN(ms)) throw new Error(`${name}: must be durations such as 30s,5m,24h`)
    return ms
  })
}
