/**
 * Switches that make the ports fail as AWS does: conflicts that outlast their retries, an index that lags, answers that are
 * lost, entries twice and out of order. They are seeded, so that a failure can be repeated.
 */
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Delivery, Queue } from '@kabutar/core/ports/queue.ts'
import { StoreError, type Table, type Write } from '@kabutar/core/ports/table.ts'
import { inOrder } from '@kabutar/core/ports/table-rules.ts'
import { retryConflicts } from '@kabutar/core/ports/transact-retry.ts'
import { LateIndex } from './late-index.ts'

/** Answers numbers from 0 to below 1. */
type Random = () => number
/** Probabilities per call, from 0 to 1, except for the delay. */
export type TableFaults = {
  readonly random: Random
  readonly clock: Clock
  /** Another writer was faster, beneath the retries as in DynamoDB. Nothing was written. */
  readonly conflict?: number
  /** Nothing was read or written. */
  readonly throttled?: number
  /** The write was made, and the caller gets `Unavailable`. */
  readonly lostAnswer?: number
  /** The longest time until a change is seen in the index. */
  readonly indexDelayMs?: number
}
export type QueueFaults = {
  readonly random: Random
  /** An entry is delivered again, even after it was settled. */
  readonly duplicate?: number
  /** An entry is delivered after later ones. */
  readonly reorder?: number
  /** The call fails; a send may have sent a part. */
  readonly throttled?: number
}

/** Numbers that are the same for the same seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function faultyTable(table: Table, faults: TableFaults): Table {
  const { random, clock, conflict = 0, throttled = 0, lostAnswer = 0, indexDelayMs = 0 } = faults
  const index = new LateIndex(table, clock, () => indexDelayMs * random())
  const maybe = (probability: number, code: 'Conflict' | 'Throttled' | 'Unavailable') => {
    if (random() < probability) throw new StoreError(code, `injected: ${code}`)
  }
  const read = async <T>(call: () => Promise<T>): Promise<T> => {
    maybe(throttled, 'Throttled')
    return call()
  }
  const write = async <T>(writes: readonly Write[], call: () => Promise<T>): Promise<T> => {
    maybe(throttled, 'Throttled')
    const attempt = async () => {
      maybe(conflict, 'Conflict')
      return indexDelayMs > 0 ? index.follow(writes, call) : call()
    }
    const answer = await retryConflicts(clock, attempt, random)
    maybe(lostAnswer, 'Unavailable')
    return answer
  }
  const writeOne = (one: Write) => write([one], () => table.write(one))
  return {
    get: (key) => read(() => table.get(key)),
    getMany: (keys) => read(() => table.getMany(keys)),
    query: (query) => read(() => (query.index ? index.query(query) : table.query(query))),
    write: writeOne,
    writeInOrder: inOrder(writeOne),
    transact: (writes, options) => write(writes, () => table.transact(writes, options)),
  }
}

export function faultyQueue(queue: Queue, faults: QueueFaults): Queue {
  const { random, duplicate = 0, reorder = 0, throttled = 0 } = faults
  const later: Delivery[] = []
  const throttle = () => {
    if (random() < throttled) throw new StoreError('Throttled', 'injected: Throttled')
  }
  return {
    maxAttempts: queue.maxAttempts,
    async send(messages) {
      if (random() < throttled) {
        await queue.send(messages.slice(0, Math.floor(random() * messages.length)))
        throw new StoreError('Throttled', 'injected: Throttled')
      }
      await queue.send(messages)
    },
    async receive(options) {
      throttle()
      const held = later.splice(0, options.max)
      if (held.length === options.max) return held
      const waitMs = held.length > 0 ? 0 : options.waitMs
      const fresh = await queue.receive({ ...options, max: options.max - held.length, waitMs })
      const now: Delivery[] = []
      for (const delivery of fresh) {
        const late = random() < reorder
        if (late || random() < duplicate) later.push(delivery)
        if (!late) now.push(delivery)
      }
      return [...held, ...now]
    },
    async settle(settlements) {
      throttle()
      return queue.settle(settlements)
    },
    extend: (deliveries, visibilityMs) => queue.extend(deliveries, visibilityMs),
    depth: () => queue.depth(),
  }
}
