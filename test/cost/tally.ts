import { PRICES } from './prices.ts'

/** Billed amounts by the names of the price list. */
export type Counts = { -readonly [name in keyof typeof PRICES]?: number }
export type Count = (name: keyof Counts, amount: number) => void

const SQS_STEP = 64 * 1024
export const GB = 1024 ** 3

export type Tally = {
  readonly add: Count
  /** Answers the counts since the last call. */
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

/** Adds `factor` times `other` to `one`, name by name. */
export function plus(one: Counts, other: Counts, factor = 1): Counts {
  const sum = { ...one }
  for (const [name, amount] of entriesOf(other)) sum[name] = (sum[name] ?? 0) + factor * amount
  return sum
}

export const times = (counts: Counts, factor: number): Counts => plus({}, counts, factor)

export function entriesOf(counts: Counts): readonly (readonly [keyof Counts, number])[] {
  return Object.entries(counts) as [keyof Counts, number][]
}

/** Answers dollars for counts. Prices are per million, except those of gigabytes, which are per gigabyte. */
export function dollarsOf(name: keyof Counts, amount: number): number {
  return /Gb$|GbMonth$/.test(name) ? amount * PRICES[name] : (amount * PRICES[name]) / 1e6
}

export function dollars(counts: Counts): number {
  return entriesOf(counts).reduce((sum, [name, amount]) => sum + dollarsOf(name, amount), 0)
}

/** Answers the requests that SQS bills: one for each 64 KB. */
export function sqsRequestsFor(bodies: readonly string[]): number {
  return Math.max(1, Math.ceil(bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0) / SQS_STEP))
}
