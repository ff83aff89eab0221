import { PRICES } from './prices.ts'

/** What would be billed, by the names of the price list. */
export type Counts = { -readonly [name in keyof typeof PRICES]?: number }
export type Count = (name: keyof Counts, amount: number) => void

const SQS_STEP = 64 * 1024
export const GB = 1024 ** 3

export type Tally = {
  readonly add: Count
  /** What was counted since the last time. */
  take(): Counts
}

export function tally(): Tally {
  let counts: Counts = {}
  return {
    add(name, amount) {
      counts[name] = (counts[name] ?? 0) + amount
    },
    take() {
      const taken = counts
      counts = {}
      return taken
    },
  }
}

/** Of each name, what `one` has with `factor` times what `other` has. */
export function plus(one: Counts, other: Counts, factor = 1): Counts {
  const sum = { ...one }
  for (const [name, amount] of entriesOf(other)) sum[name] = (sum[name] ?? 0) + factor * amount
  return sum
}

export const times = (counts: Counts, factor: number): Counts => plus({}, counts, factor)

export function entriesOf(counts: Counts): readonly (readonly [keyof Counts, number])[] {
  return Object.entries(counts) as [keyof Counts, number][]
}

/** Prices are of a million of a thing, but for gigabytes, which are priced one by one. */
export function dollarsOf(name: keyof Counts, amount: number): number {
  return /Gb$|GbMonth$/.test(name) ? amount * PRICES[name] : (amount * PRICES[name]) / 1e6
}

export function dollars(counts: Counts): number {
  return entriesOf(counts).reduce((sum, [name, amount]) => sum + dollarsOf(name, amount), 0)
}

/** SQS counts a request for each 64 KB of what is in it. */
export function sqsRequestsFor(bodies: readonly string[]): number {
  return Math.max(1, Math.ceil(bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0) / SQS_STEP))
}
